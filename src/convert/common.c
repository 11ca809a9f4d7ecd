#include "convert/common.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/prefix.h"

enum { OUR_CONNECT_RETRY_MAX_S = 10, TTL_MAX = 255 };

bool convert_truth(const char *text)
{
	static const char *const words[] = { "true", "on", "yes", "enable", "enabled", "1", "" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

bool convert_is_number(const char *text)
{
	return *text && strlen(text) <= 10 && !text[strspn(text, "0123456789")];
}

bool convert_is_address(const char *text)
{
	struct ip_addr a;

	return ip_addr_parse(text, &a);
}

const char *convert_family(const char *text)
{
	struct prefix p;

	if (!prefix_parse(text, &p, NULL))
		return NULL;
	return p.family == IP_V4 ? "ipv4-unicast" : "ipv6-unicast";
}

const char *convert_hops(struct convert_model *m, const char *min_ttl)
{
	unsigned long ttl = convert_is_number(min_ttl) ? strtoul(min_ttl, NULL, 10) : 0;

	return ttl && ttl <= TTL_MAX ? convert_text(m, "%lu", TTL_MAX + 1 - ttl) : min_ttl;
}

void convert_router_once(
	struct convert_model *m, const char *key, const char *text, struct convert_place at, const char *what)
{
	struct convert_part *router = convert_part_need(m, "router", NULL, at);
	const struct convert_setting *s = convert_setting(router, key);

	if (!s)
		convert_set(m, router, key, text, at, what);
	else if (strcmp(s->text, text) != 0)
		convert_note(m->notes, CONVERT_LOST, at,
			"%s: router.%s is one for all neighbors, and is %s since line %u; neighbors that "
			"need another "
			"belong to a second daemon",
			what, key, s->text, s->at.line);
}

void convert_router_as(struct convert_model *m, const char *as, struct convert_place at)
{
	convert_router_once(m, "as", as, at, convert_text(m, "the local AS %s", as));
}

void convert_connect_retry(struct convert_model *m, struct convert_part *p, const char *text,
	struct convert_place at, const char *what)
{
	if (convert_set(m, p, "connect-retry", text, at, what) &&
		strtoul(text, NULL, 10) > OUR_CONNECT_RETRY_MAX_S)
		convert_put(m, p, "connect-retry-max", text, at);
}

struct convert_part *convert_group_of(const struct convert_model *m, const struct convert_part *p)
{
	const char *name = convert_get(p, "peer-group");

	return name ? convert_part_find(m, "peer-groups", name) : NULL;
}

void convert_default(struct convert_model *m, struct convert_part *p, const char *key, const char *text)
{
	if (!convert_get(p, key) && !convert_get(convert_group_of(m, p), key))
		convert_put(m, p, key, text, p->at);
}

bool convert_group_has_range(const struct convert_model *m, const struct convert_part *group)
{
	for (struct convert_part *r = NULL; (r = convert_part_next(m, r, "dynamic-neighbors")) != NULL;)
		if (convert_get(r, "peer-group") && strcmp(convert_get(r, "peer-group"), group->name) == 0)
			return true;
	return false;
}
