#include "config/announcer_gate.h"

#include "config/announcer.h"
#include "config/common.h"
#include "config/scalar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEED_MAX = 65535 };

/* --- keys --- */

static bool parse_need(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	size_t digits = strspn(text, "0123456789");
	bool percent = text[digits] == '%';
	char q[CONFIG_QUOTE_MAX];
	unsigned long v;

	(void)r;
	(void)f;
	if (digits && digits < 9 && !text[digits + percent]) {
		v = strtoul(text, NULL, 10);
		if (v >= 1 && v <= (percent ? 100 : NEED_MAX)) {
			*(struct config_need *)out = (struct config_need){ (uint32_t)v, percent };
			return true;
		}
	}
	text_add(why, "%s is not a number of servers; expected 1..%d, or a share of them, 1%%..100%%",
		config_quote(text, q), (int)NEED_MAX);
	return false;
}

static void format_need(const struct config_field *f, const void *value, struct text *out)
{
	const struct config_need *n = value;

	(void)f;
	if (n->number)
		text_add(out, "%u%s", n->number, n->percent ? "%" : "");
}

const struct config_scalar config_need = { "a number of servers, or a share", "1..65535 | 1%..100%",
	sizeof(struct config_need), .parse = parse_need, .format = format_need };

#define AGENT(member) .offset = offsetof(struct config_agent_link, member)
static const struct config_field agent_fields[] = {
	{ "socket", CONFIG_SCALAR, &config_path, AGENT(socket), .min = 2, .max = CONFIG_SOCKET_PATH_MAX,
		.required = true, .apply = CONFIG_REEVALUATE,
		.doc = "lb-ipvs-agent's control socket; without this section no agent is asked" },
	{ "grace", CONFIG_SCALAR, &config_seconds, AGENT(grace_s), .max = 3600, .def = "3",
		.apply = CONFIG_LIVE,
		.doc = "the time an agent may be away or silent before what was announced on its word is "
		       "withdrawn; 0: none" },
	{ NULL },
};
const struct config_schema config_agent_link_schema = { sizeof(struct config_agent_link), agent_fields };

/* --- contradictions --- */

static const char *need_text(const struct config_need *n, char *buf, size_t size)
{
	snprintf(buf, size, "%u%s", n->number, n->percent ? "%" : "");
	return buf;
}

static void check_return(const struct config_service *s, struct config_errors *errs)
{
	const struct config_node *node = config_node_get(s->head.node, "min-healthy-return");
	char a[16], b[16];

	/* A number and a share cannot be compared here; while it runs, the larger of both is asked for. */
	if (!node || !s->min_healthy_return.number ||
		s->min_healthy.percent != s->min_healthy_return.percent ||
		s->min_healthy_return.number >= s->min_healthy.number)
		return;
	config_error_value(errs, node,
		"min-healthy-return %s is less than min-healthy %s; it must be as much or more",
		need_text(&s->min_healthy_return, a, sizeof(a)), need_text(&s->min_healthy, b, sizeof(b)));
}

static void check_names(const struct config_service *s, struct config_errors *errs)
{
	const struct config_node *list = config_node_get(s->head.node, "agent-services");
	char q[CONFIG_QUOTE_MAX];

	for (const struct config_node *n = list ? list->first : NULL; n; n = n->next)
		for (const struct config_node *m = list->first; m != n; m = m->next)
			if (m->text && n->text && strcmp(m->text, n->text) == 0)
				config_error_value(errs, n,
					"%s is here twice; it was first named in line %u, column %u",
					config_quote(n->text, q), m->line, m->column);
}

/* What only an agent could tell. */
static void check_unbound(
	const struct config_node *n, const char *const *keys, size_t count, struct config_errors *errs)
{
	for (size_t i = 0; i < count; i++) {
		const struct config_node *key = config_node_get(n, keys[i]);

		if (key)
			config_error_value(errs, key,
				"there is no agent to tell of health; set agent.socket, or leave %s out",
				keys[i]);
	}
}

void config_gate_check(
	const struct config_announcer *c, const struct config_node *root, struct config_errors *errs)
{
	static const char *const keys[] = { "capacity-by-health", "agent-services", "min-healthy",
		"min-healthy-return", "return-delay" };
	bool bound = config_node_get(root, "agent") != NULL;

	if (!bound)
		check_unbound(config_node_get(root, "router"), keys, 1, errs);
	for (size_t i = 0; i < c->service_count; i++) {
		const struct config_service *s = &c->services[i];

		check_return(s, errs);
		check_names(s, errs);
		/* Waiting before it returns is worth something after other troubles too. */
		if (!bound)
			check_unbound(s->head.node, keys, sizeof(keys) / sizeof(keys[0]) - 1, errs);
	}
}
