#include "config/announcer_condition.h"

#include "config/announcer.h"
#include "config/check_types.h"
#include "config/scalar.h"

#define CONDITION(member) .offset = offsetof(struct config_condition, member), .apply = CONFIG_REEVALUATE
static const struct config_word types[] = { { "tcp", CONFIG_CHECK_TCP }, { "http", CONFIG_CHECK_HTTP },
	{ "command", CONFIG_CHECK_COMMAND }, { NULL } };
enum { TYPES = 1 << CONFIG_CHECK_TCP | 1 << CONFIG_CHECK_HTTP | 1 << CONFIG_CHECK_COMMAND };
static const struct config_field condition_fields[] = {
	{ "type", CONFIG_SCALAR, &config_enum, .words = types, CONDITION(check.type), .required = true,
		.doc = "how it is found out: a connection, an answer, or a program's exit status" },
	{ "address", CONFIG_SCALAR, &config_addr, CONDITION(address), .def_doc = "none",
		.doc = "tcp, http: who is asked: 127.0.0.1 for the pod itself" },
	{ "port", CONFIG_SCALAR, &config_u16, CONDITION(check.port), .min = 1, .max = 65535,
		.def_doc = "none", .doc = "tcp, http: the port that is asked" },
	{ NULL },
};
const struct config_schema config_condition_schema = { sizeof(struct config_condition), condition_fields,
	.include = &config_check_common_schema, .include_offset = offsetof(struct config_condition, check),
	.include_apply = CONFIG_REEVALUATE };

#define ON_CHANGE(member) .offset = offsetof(struct config_on_change, member), .apply = CONFIG_LIVE
static const struct config_field on_change_fields[] = {
	{ "command", CONFIG_LIST, &config_argument, ON_CHANGE(command),
		.count_offset = offsetof(struct config_on_change, command_count), .ordered = true, .min = 1,
		.def_doc = "none",
		.doc = "a program by its absolute path, and its arguments, that is run when the service "
		       "becomes active or inactive; no shell; RRD_STATE and others in its environment say "
		       "what" },
	{ "timeout", CONFIG_SCALAR, &config_seconds, ON_CHANGE(timeout_s), .min = 1, .max = 600, .def = "30",
		.doc = "the longest time that it may take, and that the end is held up for it" },
	{ "retry", CONFIG_SCALAR, &config_seconds, ON_CHANGE(retry_s), .min = 1, .max = 3600, .def = "1",
		.doc = "the wait after it failed; it doubles with each further failure" },
	{ "retry-max", CONFIG_SCALAR, &config_seconds, ON_CHANGE(retry_max_s), .min = 1, .max = 3600,
		.def = "60", .doc = "the longest wait between two attempts" },
	{ NULL },
};
const struct config_schema config_on_change_schema = { sizeof(struct config_on_change), on_change_fields };

static void fill_in_conditions(struct arena *arena, struct config_service *s)
{
	size_t of_type[CONFIG_CHECK_COMMAND + 1] = { 0 };

	for (size_t i = 0; i < s->condition_count; i++) {
		struct config_check *c = &s->conditions[i].check;

		config_check_fill_in(arena, c, ++of_type[c->type]);
	}
}

void config_condition_fill_in(const struct config_announcer *c)
{
	for (size_t i = 0; i < c->service_count; i++) {
		struct config_on_change *o = &c->services[i].on_change;

		fill_in_conditions(c->arena, &c->services[i]);
		o->command = config_command(c->arena, o->command, o->command_count);
	}
}

static void check_target(const struct config_condition *k, struct config_errors *errs)
{
	const struct config_check *c = &k->check;
	const struct config_node *node = c->head.node, *address = config_node_get(node, "address");

	if (!config_node_get(node, "type") || !config_check_is_addressed(c))
		return;
	if (!address)
		config_error_missing(errs, node, "address",
			"is missing: who is asked, as in 127.0.0.1 for the pod itself");
	else if (k->address.family && (ip_addr_is_any(&k->address) || ip_addr_is_multicast(&k->address)))
		config_error_value(errs, address, "not the address of a host; expected whom to ask");
	else if (k->address.family && ip_addr_is_link_local(&k->address))
		config_error_value(errs, address,
			"a link-local address needs an interface, which cannot be given here; use another");
	if (!config_node_get(node, "port"))
		config_error_missing(errs, node, "port", "is missing: the port that is asked");
}

static void check_conditions(const struct config_service *s, struct config_errors *errs)
{
	for (size_t i = 0; i < s->condition_count; i++) {
		config_check_judge(&s->conditions[i].check, TYPES, errs);
		check_target(&s->conditions[i], errs);
		for (size_t k = 0; k < i; k++)
			if (!config_check_distinct(&s->conditions[i].check, &s->conditions[k].check, errs))
				break;
	}
}

static void check_on_change(const struct config_service *s, struct config_errors *errs)
{
	const struct config_node *node = config_node_get(s->head.node, "on-change"), *command, *retry;
	const struct config_on_change *o = &s->on_change;

	if (!node)
		return;
	command = config_node_get(node, "command");
	if (!command)
		config_error_missing(errs, node, "command",
			"is missing: the program and its arguments, as in [/usr/lib/rrd/aws-route, "
			"rtb-0abc]");
	else
		config_command_judge(command, o->command, errs);
	retry = config_node_get(node, "retry");
	if (o->retry_s > o->retry_max_s)
		config_error_value(errs, retry ? retry : config_node_get(node, "retry-max"),
			"retry %u is more than retry-max %u; lower the one or raise the other", o->retry_s,
			o->retry_max_s);
}

static bool all_have_commands(const struct config_announcer *c)
{
	for (size_t i = 0; i < c->service_count; i++)
		if (!c->services[i].on_change.command_count)
			return false;
	return c->service_count > 0;
}

/* Somebody must be told of a service. */
static void check_audience(
	const struct config_announcer *c, const struct config_node *neighbors, struct config_errors *errs)
{
	if (!neighbors || c->neighbor_count)
		return;
	if (config_node_is_empty(neighbors))
		config_error_value(errs, neighbors, "has no value; write [] where there are none");
	else if (neighbors->kind == CONFIG_NODE_LIST && !all_have_commands(c))
		config_error_value(errs, neighbors,
			"is empty; name at least one, or give every service an on-change.command");
}

void config_condition_check(
	const struct config_announcer *c, const struct config_node *root, struct config_errors *errs)
{
	check_audience(c, config_node_get(root, "neighbors"), errs);
	for (size_t i = 0; i < c->service_count; i++) {
		check_conditions(&c->services[i], errs);
		check_on_change(&c->services[i], errs);
	}
}
