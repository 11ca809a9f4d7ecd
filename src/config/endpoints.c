#include "config/endpoints.h"

#include "base/mem.h"
#include "config/scalar.h"
#include "config/schema.h"
#include "config/yaml.h"

#include <stdlib.h>
#include <string.h>

struct listed {
	struct config_head head;
	struct endpoint endpoint;
};

struct file {
	struct listed *servers;
	size_t count;
};

static bool parse_weight(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	uint64_t v;

	(void)r;
	(void)f;
	if (strcmp(text, "default") == 0) {
		*(int32_t *)out = -1;
		return true;
	}
	if (!config_parse_number(text, 0, ENDPOINT_WEIGHT_MAX, &v, why)) {
		text_add(why, ", or default");
		return false;
	}
	*(int32_t *)out = (int32_t)v;
	return true;
}

static bool parse_terminating(
	struct config_reader *r, const struct config_field *f, const char *text, void *out, struct text *why)
{
	bool terminating;

	if (!config_bool.parse(r, f, text, &terminating, why))
		return false;
	*(uint8_t *)out = terminating ? ENDPOINT_TERMINATING : ENDPOINT_READY;
	return true;
}

static void format_weight(const struct config_field *f, const void *value, struct text *out)
{
	(void)f;
	if (*(const int32_t *)value < 0)
		text_add(out, "default");
	else
		text_add(out, "%d", *(const int32_t *)value);
}

static void format_terminating(const struct config_field *f, const void *value, struct text *out)
{
	(void)f;
	text_add(out, "%s", *(const uint8_t *)value == ENDPOINT_TERMINATING ? "true" : "false");
}

static const struct config_scalar type_weight = { "a number", "0..65535, or default", sizeof(int32_t),
	.parse = parse_weight, .format = format_weight };
static const struct config_scalar type_terminating = { "true or false", NULL, sizeof(uint8_t),
	.parse = parse_terminating, .format = format_terminating };

#define ENDPOINT(member) .offset = offsetof(struct endpoint, member)
static const struct config_field endpoint_fields[] = {
	{ "address", CONFIG_SCALAR, &config_addr, ENDPOINT(addr), .required = true, .key = true,
		.apply = CONFIG_LIVE, .doc = "the server's address" },
	{ "port", CONFIG_SCALAR, &config_u16, ENDPOINT(port), .min = 1, .max = 65535, .key = true,
		.def_doc = "the service's server-port", .apply = CONFIG_LIVE,
		.doc = "the server's port; with dr and tun the service's own" },
	{ "weight", CONFIG_SCALAR, &type_weight, ENDPOINT(weight), .def = "default",
		.def_doc = "the service's weight", .apply = CONFIG_LIVE,
		.doc = "its share of new connections; 0: none" },
	{ "name", CONFIG_SCALAR, &config_text, ENDPOINT(name), .min = 1, .max = ENDPOINT_NAME_MAX,
		.def_doc = "none", .apply = CONFIG_LIVE, .doc = "for people; shown by rrctl" },
	{ "terminating", CONFIG_SCALAR, &type_terminating, ENDPOINT(state), .def = "false",
		.apply = CONFIG_LIVE, .doc = "drain it: it gets no new connections and keeps those it has" },
	{ NULL },
};
const struct config_schema config_endpoint_schema = { sizeof(struct endpoint), endpoint_fields };

static const struct config_field no_fields[] = { { NULL } };
static const struct config_schema listed_schema = { sizeof(struct listed), no_fields,
	.include = &config_endpoint_schema, .include_offset = offsetof(struct listed, endpoint) };
static const struct config_field file_fields[] = {
	{ "servers", CONFIG_LIST, .schema = &listed_schema, .offset = offsetof(struct file, servers),
		.count_offset = offsetof(struct file, count), .required = true,
		.doc = "the servers of a service; [] for none" },
	{ NULL },
};
static const struct config_schema file_schema = { sizeof(struct file), file_fields };

/* --- what no key alone can tell --- */

struct place {
	const struct config_node *node; /* the element */
	const struct endpoint *endpoint;
	uint16_t port;
};

/* Servers that are the same stand together, in the order of the file. */
static int place_cmp(const void *pa, const void *pb)
{
	const struct place *a = pa, *b = pb;
	int c = ip_addr_cmp(&a->endpoint->addr, &b->endpoint->addr);

	if (!c)
		c = (int)a->port - (int)b->port;
	return c ? c : a->node->index < b->node->index ? -1 : a->node->index > b->node->index;
}

static void check_address(const struct place *p, struct config_errors *errs)
{
	const struct config_node *n = config_node_get(p->node, "address");
	const struct ip_addr *a = &p->endpoint->addr;

	if (!n || !a->family)
		return;
	if (ip_addr_is_any(a) || ip_addr_is_multicast(a))
		config_error_value(errs, n, "not the address of a host; expected the server's");
	else if (ip_addr_is_link_local(a))
		config_error_value(errs, n,
			"a link-local address needs an interface, which cannot be given here; use a global "
			"one");
}

void config_endpoints_check(const struct config_node *list, const struct endpoint *servers, size_t count,
	uint16_t port, struct config_errors *errs)
{
	struct place *places = mem_calloc(count + 1, sizeof(*places));
	const struct config_node *n = list->first;
	char buf[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < count && n; i++, n = n->next) {
		places[i] = (struct place){ n, &servers[i], servers[i].port ? servers[i].port : port };
		check_address(&places[i], errs);
	}
	qsort(places, count, sizeof(*places), place_cmp);
	for (size_t i = 1; i < count; i++) {
		const struct place *a = &places[i - 1], *b = &places[i];

		if (!b->endpoint->addr.family || a->port != b->port ||
			!ip_addr_equal(&a->endpoint->addr, &b->endpoint->addr))
			continue;
		config_error_value(errs, b->node,
			"the server %s is here twice; it was named before, in line %u",
			ip_addr_format(&b->endpoint->addr, buf), a->node->line);
	}
	free(places);
}

bool config_endpoints_parse(const char *text, size_t len, const char *name, struct arena *arena,
	struct config_errors *errs, struct endpoint_list *out)
{
	struct config_reader r = { .arena = arena, .errs = errs, .features = config_features() };
	size_t before = config_errors_count(errs);
	const struct config_node *root, *list;
	struct endpoint *servers;
	struct file file;

	*out = (struct endpoint_list){ NULL, 0 };
	config_errors_set_file(errs, name);
	root = config_yaml_parse(arena, text, len, errs);
	if (!root)
		return false;
	config_schema_read(&r, &file_schema, root, &file);
	servers = arena_alloc(arena, (file.count + 1) * sizeof(*servers));
	for (size_t i = 0; i < file.count; i++)
		servers[i] = file.servers[i].endpoint;
	list = config_node_get(root, "servers");
	if (list && config_node_is_empty(list))
		config_error_value(errs, list, "has no value; write [] where there are no servers");
	else if (list)
		config_endpoints_check(list, servers, file.count, 0, errs);
	if (config_errors_count(errs) != before)
		return false;
	*out = (struct endpoint_list){ servers, file.count };
	return true;
}
