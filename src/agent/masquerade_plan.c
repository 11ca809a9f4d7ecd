#include "agent/masquerade.h"

#include "base/text.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define MARK_OF_OURS "lb-ipvs-agent:"

static const char *protocol_name(unsigned protocol)
{
	return protocol == IPPROTO_UDP ? "udp" : protocol == IPPROTO_SCTP ? "sctp" : "tcp";
}

/* Splits text at spaces, in place; words in quotes lose them. */
static bool split(struct masquerade_rule *r)
{
	size_t count = 0;
	char *rest;

	for (char *word = strtok_r(r->text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		size_t len = strlen(word);

		if (count + 1 == MASQUERADE_WORDS_MAX)
			return false;
		if (len > 1 && word[0] == '"' && word[len - 1] == '"') {
			word[len - 1] = 0;
			word++;
		}
		r->words[count++] = word;
	}
	r->words[count] = NULL;
	return count > 0;
}

/* The comment says which service it is and has no spaces, so that lines can be split at them. */
bool masquerade_rule_of(const struct config_virtual *v, struct masquerade_rule *out)
{
	struct text comment = text_init(out->comment, sizeof(out->comment));
	struct text t = text_init(out->text, sizeof(out->text));
	char addr[PREFIX_TEXT_MAX];

	if (v->forward != CONFIG_FORWARD_NAT)
		return false;
	if (v->mark) {
		text_add(&comment, MARK_OF_OURS "mark:0x%x", v->mark);
		text_add(&t, "POSTROUTING -m mark --mark 0x%x -m ipvs --ipvs", v->mark);
	} else {
		ip_addr_format(&v->address, addr);
		text_add(&comment, MARK_OF_OURS "%s:%s:%u", protocol_name(v->protocol), addr, v->port);
		text_add(&t, "POSTROUTING -m ipvs --vaddr %s --vproto %u", addr, v->protocol);
		/* Port 0 stands for all of them. */
		if (v->port)
			text_add(&t, " --vport %u", v->port);
	}
	text_add(&t, " -m comment --comment %s -j MASQUERADE", out->comment);
	return split(out);
}

bool masquerade_rule_read(const char *line, size_t len, struct masquerade_rule *out)
{
	static const char append[] = "-A ";
	const char *comment = NULL;

	if (len < sizeof(append) || len - (sizeof(append) - 1) >= sizeof(out->text) ||
		strncmp(line, append, sizeof(append) - 1) != 0)
		return false;
	snprintf(out->text, sizeof(out->text), "%.*s", (int)(len - (sizeof(append) - 1)),
		line + sizeof(append) - 1);
	if (!split(out))
		return false;
	for (size_t i = 0; out->words[i]; i++)
		if (strcmp(out->words[i], "--comment") == 0)
			comment = out->words[i + 1];
	if (!comment || strncmp(comment, MARK_OF_OURS, strlen(MARK_OF_OURS)) != 0)
		return false;
	return (size_t)snprintf(out->comment, sizeof(out->comment), "%s", comment) < sizeof(out->comment);
}
