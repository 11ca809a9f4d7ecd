/* Steps as commands for people, and as lines of a file for ourselves. */
#include "kernel/real_server.h"

#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 6, WORD_ROOM = 80 };

void real_server_step_format(const struct real_server_step *s, struct text *out)
{
	char prefix[PREFIX_TEXT_MAX];
	const char *six = s->prefix.family == IP_V6 ? "-6 " : "";

	switch (s->op) {
	case REAL_SERVER_SYSCTL:
		text_add(out, "sysctl -w %s=%ld", s->key, s->value);
		break;
	case REAL_SERVER_GUE_OPEN:
		text_add(out, "ip fou add port %ld gue%s", s->value, s->family == IP_V6 ? " -6" : "");
		break;
	case REAL_SERVER_LINK_ADD:
		text_add(out, "ip link add %s type %s%s", s->device, s->kind,
			strncmp(s->device, "rrd-", 4) == 0 ? " external" : "");
		break;
	case REAL_SERVER_LINK_UP:
		text_add(out, "ip link set %s up", s->device);
		break;
	case REAL_SERVER_ADVMSS:
		text_add(out, "ip %sroute change %s dev %s advmss %ld", six,
			prefix_format(&s->prefix, prefix), s->device, s->value);
		break;
	case REAL_SERVER_ADDRESS:
		text_add(
			out, "ip %saddress add %s dev %s", six, prefix_format(&s->prefix, prefix), s->device);
		break;
	}
}

static const char *const names[] = { [REAL_SERVER_SYSCTL] = "sysctl",
	[REAL_SERVER_GUE_OPEN] = "gue",
	[REAL_SERVER_LINK_ADD] = "link",
	[REAL_SERVER_LINK_UP] = "up",
	[REAL_SERVER_ADVMSS] = "advmss",
	[REAL_SERVER_ADDRESS] = "address" };

void real_server_step_write(const struct real_server_step *s, struct text *out)
{
	char prefix[PREFIX_TEXT_MAX];

	text_add(out, "%s", names[s->op]);
	switch (s->op) {
	case REAL_SERVER_SYSCTL:
		text_add(out, " %s %ld %ld", s->key, s->old, s->value);
		break;
	case REAL_SERVER_GUE_OPEN:
		text_add(out, " %u %ld", s->family, s->value);
		break;
	case REAL_SERVER_LINK_ADD:
		text_add(out, " %s %s", s->device, s->kind);
		break;
	case REAL_SERVER_LINK_UP:
		text_add(out, " %s", s->device);
		break;
	case REAL_SERVER_ADVMSS:
		text_add(out, " %s %s %ld %ld", prefix_format(&s->prefix, prefix), s->device, s->old,
			s->value);
		break;
	case REAL_SERVER_ADDRESS:
		text_add(out, " %s %s", prefix_format(&s->prefix, prefix), s->device);
		break;
	}
}

/* Copies a word that must fit. */
static bool take(char *to, size_t size, const char *word)
{
	return (size_t)snprintf(to, size, "%s", word) < size && word[0];
}

static bool take_number(long *to, const char *word)
{
	char end;

	return sscanf(word, "%ld%c", to, &end) == 1;
}

static bool take_words(struct real_server_step *s, char w[WORDS_MAX][WORD_ROOM], int count)
{
	long family;

	switch (s->op) {
	case REAL_SERVER_SYSCTL:
		return count == 4 && take(s->key, sizeof(s->key), w[1]) && take_number(&s->old, w[2]) &&
		       take_number(&s->value, w[3]);
	case REAL_SERVER_GUE_OPEN:
		if (count != 3 || !take_number(&family, w[1]) || (family != IP_V4 && family != IP_V6))
			return false;
		s->family = (uint8_t)family;
		return take_number(&s->value, w[2]) && s->value > 0 && s->value <= UINT16_MAX;
	case REAL_SERVER_LINK_ADD:
		return count == 3 && take(s->device, sizeof(s->device), w[1]) &&
		       take(s->kind, sizeof(s->kind), w[2]);
	case REAL_SERVER_LINK_UP:
		return count == 2 && take(s->device, sizeof(s->device), w[1]);
	case REAL_SERVER_ADVMSS:
		return count == 5 && prefix_parse(w[1], &s->prefix, NULL) &&
		       take(s->device, sizeof(s->device), w[2]) && take_number(&s->old, w[3]) &&
		       take_number(&s->value, w[4]);
	case REAL_SERVER_ADDRESS:
		return count == 3 && prefix_parse(w[1], &s->prefix, NULL) &&
		       take(s->device, sizeof(s->device), w[2]);
	}
	return false;
}

bool real_server_step_read(const char *line, struct real_server_step *out)
{
	char w[WORDS_MAX][WORD_ROOM] = { "" };
	int count = sscanf(line, "%79s %79s %79s %79s %79s %79s", w[0], w[1], w[2], w[3], w[4], w[5]);

	*out = (struct real_server_step){ .op = REAL_SERVER_SYSCTL };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(w[0], names[i]) == 0) {
			out->op = (enum real_server_op)i;
			return take_words(out, w, count);
		}
	return false;
}
