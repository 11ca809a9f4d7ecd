#include "arguments.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void give_up(const char *key, const char *value, const char *wanted)
{
	fprintf(stderr, "%s=%s is not %s\n", key, value, wanted);
	exit(EXIT_FAILURE);
}

bool arguments_parse(struct arguments *a, char *line)
{
	char *save, *word = strtok_r(line, " \n", &save);

	*a = (struct arguments){ .command = word, .name = "" };
	if (!word)
		return false;
	while ((word = strtok_r(NULL, " \n", &save)) && a->count < ARGUMENTS_MOST) {
		char *is = strchr(word, '=');

		if (!is) {
			a->name = word;
			continue;
		}
		*is = '\0';
		a->key[a->count] = word;
		a->value[a->count++] = is + 1;
	}
	return true;
}

const char *arguments_text(const struct arguments *a, const char *key, const char *otherwise)
{
	for (unsigned i = 0; i < a->count; i++) {
		if (strcmp(a->key[i], key) == 0)
			return a->value[i];
	}
	return otherwise;
}

uint32_t arguments_number(const struct arguments *a, const char *key, uint32_t otherwise)
{
	const char *text = arguments_text(a, key, NULL);
	unsigned long long value;
	char *end;

	if (!text)
		return otherwise;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (end == text || *end || errno || value > UINT32_MAX)
		give_up(key, text, "a number");
	return (uint32_t)value;
}

uint32_t arguments_address(const struct arguments *a, const char *key, uint32_t otherwise)
{
	const char *text = arguments_text(a, key, NULL);
	struct in_addr address;

	if (!text)
		return otherwise;
	if (inet_pton(AF_INET, text, &address) != 1)
		give_up(key, text, "an IPv4 address");
	return ntohl(address.s_addr);
}
