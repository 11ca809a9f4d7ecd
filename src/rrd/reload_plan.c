#include "rrd/reload_plan.h"

#include "base/mem.h"
#include "config/diff.h"
#include "rrd/neighbor.h"

#include <stdlib.h>
#include <string.h>

/* A line while it is made: what it is about, and the sessions it concerns. */
struct draft {
	enum config_apply apply;
	char *subject;
	char *path; /* of the key; "" where there is none */
	char *words;
	bool one; /* it is about one neighbor, who may be up */
	unsigned sessions, ask, cannot_ask, over;
};

struct planning {
	const struct rrd *r;
	const struct config_rrd *from, *to;
	struct config_diff all; /* the whole, for groups and what stands beside the peers */
	struct draft *draft;
	size_t count, size, groups_end; /* drafts of groups come first */
};

/* --- what is where --- */

const struct config_neighbor *reload_plan_find_neighbor(
	const struct config_rrd *c, const struct ip_addr *address)
{
	for (size_t i = 0; i < c->neighbor_count; i++)
		if (ip_addr_equal(&c->neighbors[i].address, address))
			return &c->neighbors[i];
	return NULL;
}

const struct config_range *reload_plan_find_range(const struct config_rrd *c, const struct prefix *prefix)
{
	for (size_t i = 0; i < c->range_count; i++)
		if (prefix_equal(&c->ranges[i].prefix, prefix))
			return &c->ranges[i];
	return NULL;
}

const struct config_range *reload_plan_match_range(const struct config_rrd *c, const struct ip_addr *address)
{
	const struct config_range *best = NULL;

	for (size_t i = 0; i < c->range_count; i++) {
		const struct config_range *r = &c->ranges[i];

		if (prefix_contains_addr(&r->prefix, address) && (!best || r->prefix.len > best->prefix.len))
			best = r;
	}
	return best;
}

/* --- drafts --- */

static struct draft *add(
	struct planning *p, enum config_apply apply, char *subject, const char *path, const char *words)
{
	if (p->count == p->size) {
		p->size = p->size ? p->size * 2 : 16;
		p->draft = mem_realloc(p->draft, p->size * sizeof(*p->draft));
	}
	p->draft[p->count] = (struct draft){
		.apply = apply, .subject = subject, .path = mem_strdup(path), .words = mem_strdup(words)
	};
	return &p->draft[p->count++];
}

static bool begins_with(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Elements and keys of lists whose elements are peers are told by themselves. */
static bool is_of_peers(const struct config_change *c)
{
	return strcmp(c->section, "neighbors") == 0 || strcmp(c->section, "dynamic-neighbors") == 0 ||
	       strcmp(c->section, "peer-groups") == 0;
}

static void add_groups(struct planning *p)
{
	for (size_t i = 0; i < p->all.count; i++) {
		const struct config_change *c = &p->all.item[i];
		const char *name = c->path + strlen("peer-groups."), *dot = strchr(name, '.');

		if (strcmp(c->section, "peer-groups") == 0)
			add(p, c->apply,
				mem_printf(
					"peer-group %.*s", (int)(dot ? dot - name : (int)strlen(name)), name),
				dot ? dot + 1 : "", c->words);
	}
	p->groups_end = p->count;
}

/* The line of the peer's group that tells this change already. */
static struct draft *of_group(
	struct planning *p, const char *group_before, const char *group, const struct config_change *c)
{
	for (size_t i = 0; group && group_before && i < p->groups_end; i++) {
		struct draft *d = &p->draft[i];

		if (strcmp(group, group_before) == 0 &&
			strcmp(d->subject + strlen("peer-group "), group) == 0 &&
			strcmp(d->path, c->path) == 0 && strcmp(d->words, c->words) == 0)
			return d;
	}
	return NULL;
}

/* One session that a change concerns. */
static void count_session(struct draft *d, const struct config_change *c, const struct neighbor *n,
	const struct neighbor_change *change)
{
	bool import = begins_with(c->path, "import");

	if (!n->peer)
		return;
	d->sessions++;
	d->ask += import && change->ask;
	d->cannot_ask += import && change->cannot_ask;
	d->over += import && change->over;
	if (import && change->cannot_ask)
		d->apply = CONFIG_RESET_SESSION;
}

/* --- neighbors --- */

static void add_neighbor_change(struct planning *p, const struct neighbor *n,
	const struct config_neighbor *from, const struct config_neighbor *to)
{
	char address[PREFIX_TEXT_MAX];
	struct neighbor_change change;
	struct config_diff d;

	ip_addr_format(&to->address, address);
	if (strcmp(from->peer_group ? from->peer_group : "none", to->peer_group ? to->peer_group : "none") !=
		0) {
		char *words = mem_printf("%s -> %s", from->peer_group ? from->peer_group : "none",
			to->peer_group ? to->peer_group : "none");

		add(p, CONFIG_LIVE, mem_printf("neighbor %s", address), "peer-group", words);
		free(words);
	}
	config_diff_init(&d);
	config_diff(&d, &config_peer_schema, &from->peer, &to->peer);
	change = neighbor_change(n, &d, &to->peer);
	for (size_t i = 0; i < d.count; i++) {
		const struct config_change *c = &d.item[i];
		struct draft *line = of_group(p, from->peer_group, to->peer_group, c);

		if (!line) {
			line = add(p, c->apply, mem_printf("neighbor %s", address), c->path, c->words);
			line->one = true;
		}
		count_session(line, c, n, &change);
	}
	config_diff_fini(&d);
}

static void add_neighbors(struct planning *p)
{
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < p->from->neighbor_count; i++) {
		const struct config_neighbor *from = &p->from->neighbors[i],
					     *to = reload_plan_find_neighbor(p->to, &from->address);
		const struct session *s = session_neighbors_find(p->r->neighbors, &from->address);
		const struct neighbor *n = session_user(s);
		struct draft *line;

		if (to) {
			add_neighbor_change(p, n, from, to);
			continue;
		}
		line = add(p, CONFIG_RESET_SESSION,
			mem_printf("neighbor %s", ip_addr_format(&from->address, text)), "", "removed");
		line->one = true;
		line->sessions = n->peer != NULL;
	}
	for (size_t i = 0; i < p->to->neighbor_count; i++)
		if (!reload_plan_find_neighbor(p->from, &p->to->neighbors[i].address))
			add(p, CONFIG_LIVE,
				mem_printf("neighbor %s", ip_addr_format(&p->to->neighbors[i].address, text)),
				"", "added");
}

/* --- ranges --- */

/* The next dynamic neighbor behind *at for which from decides now, and to will; NULL at the end. */
static const struct neighbor *next_dynamic(const struct planning *p, const struct config_range *from,
	const struct config_range *to, struct ip_addr *at)
{
	for (struct session *s; (s = session_neighbors_next(p->r->neighbors, at->family ? at : NULL));) {
		const struct neighbor *n = session_user(s);

		*at = session_config(s)->remote;
		if (n->range && prefix_equal(n->range, &from->prefix) &&
			reload_plan_match_range(p->to, at) == to)
			return n;
	}
	return NULL;
}

static bool any_dynamic(
	const struct planning *p, const struct config_range *from, const struct config_range *to)
{
	struct ip_addr at = { .family = IP_NONE };

	return next_dynamic(p, from, to, &at) != NULL;
}

static void count_gone(const struct planning *p, const struct config_range *from, struct draft *line)
{
	struct ip_addr at = { .family = IP_NONE };

	for (const struct neighbor *n; (n = next_dynamic(p, from, NULL, &at));)
		line->sessions += n->peer != NULL;
	if (line->sessions)
		line->apply = CONFIG_RESET_SESSION;
}

/* What differs between the settings of two ranges, for the sessions that come from the one and stay in the other. */
static void add_peer_changes(
	struct planning *p, const struct config_range *from, const struct config_range *to)
{
	char prefix[PREFIX_TEXT_MAX];
	const struct neighbor *n;
	struct config_diff d;

	config_diff_init(&d);
	config_diff(&d, &config_peer_schema, &from->peer, &to->peer);
	for (size_t i = 0; i < d.count; i++) {
		const struct config_change *c = &d.item[i];
		struct draft *line = of_group(p, from->peer_group, to->peer_group, c);

		if (!line)
			line = add(p, c->apply, mem_printf("range %s", prefix_format(&from->prefix, prefix)),
				c->path, c->words);
		for (struct ip_addr at = { .family = IP_NONE }; (n = next_dynamic(p, from, to, &at));) {
			struct neighbor_change change = neighbor_change(n, &d, &to->peer);

			count_session(line, c, n, &change);
		}
	}
	config_diff_fini(&d);
}

/* The keys of the range itself; what its group says is told otherwise. */
static void add_range_change(struct planning *p, const struct config_range *from)
{
	char prefix[PREFIX_TEXT_MAX], *path;

	path = mem_printf("dynamic-neighbors[%s].", prefix_format(&from->prefix, prefix));
	for (size_t i = 0; i < p->all.count; i++) {
		const struct config_change *c = &p->all.item[i];

		/* The password in effect is told with what differs for its neighbors. */
		if (begins_with(c->path, path) && strcmp(c->path + strlen(path), "password") != 0)
			add(p, c->apply, mem_printf("range %s", prefix), c->path + strlen(path), c->words);
	}
	free(path);
}

static void add_ranges(struct planning *p)
{
	char prefix[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < p->from->range_count; i++) {
		const struct config_range *from = &p->from->ranges[i],
					  *to = reload_plan_find_range(p->to, &from->prefix);
		struct draft *line;

		if (to) {
			add_range_change(p, from);
		} else {
			line = add(p, CONFIG_LIVE,
				mem_printf("range %s", prefix_format(&from->prefix, prefix)), "", "removed");
			count_gone(p, from, line);
		}
		for (size_t k = 0; k < p->to->range_count; k++)
			if (&p->to->ranges[k] == to || any_dynamic(p, from, &p->to->ranges[k]))
				add_peer_changes(p, from, &p->to->ranges[k]);
	}
	for (size_t i = 0; i < p->to->range_count; i++)
		if (!reload_plan_find_range(p->from, &p->to->ranges[i].prefix))
			add(p, CONFIG_LIVE,
				mem_printf("range %s", prefix_format(&p->to->ranges[i].prefix, prefix)), "",
				"added");
}

/* --- everything else --- */

static unsigned sessions_up(const struct rrd *r)
{
	struct ip_addr at = { .family = IP_NONE };
	unsigned up = 0;

	for (struct session *s = NULL; (s = session_neighbors_next(r->neighbors, s ? &at : NULL));) {
		const struct neighbor *n = session_user(s);

		at = session_config(s)->remote;
		up += n->peer != NULL;
	}
	return up;
}

static void add_daemon(struct planning *p)
{
	for (size_t i = 0; i < p->all.count; i++) {
		const struct config_change *c = &p->all.item[i];

		if (!is_of_peers(c))
			add(p, c->apply, NULL, c->path, c->words)->sessions = c->apply == CONFIG_RESET_SESSION
										      ? sessions_up(p->r)
										      : 0;
	}
}

/* --- in words --- */

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

static char *reset_text(const struct draft *d)
{
	if (d->one)
		return mem_strdup(d->sessions == 0		     ? "its session is down"
				  : strcmp(d->words, "removed") == 0 ? "ends its session"
								     : "resets this session");
	if (d->sessions == 0)
		return mem_strdup("no session is up");
	return mem_printf("%s %u session%s", strcmp(d->words, "removed") == 0 ? "ends" : "resets",
		d->sessions, plural(d->sessions));
}

static char *import_text(const struct draft *d)
{
	char buf[256];
	struct text t = text_init(buf, sizeof(buf));

	if (d->one)
		return mem_strdup(d->cannot_ask ? "resets this session, as the peer knows no route refresh"
				  : d->over	? "ends this session, which holds more"
						: "asks the peer for its routes again");
	if (d->ask)
		text_add(&t, "asks %u peer%s for %s routes again", d->ask, plural(d->ask),
			d->ask == 1 ? "its" : "their");
	if (d->cannot_ask)
		text_add(&t, "%sresets %u session%s, as the peer knows no route refresh", t.len ? "; " : "",
			d->cannot_ask, plural(d->cannot_ask));
	if (d->over)
		text_add(&t, "%sends %u session%s, which hold%s more", t.len ? "; " : "", d->over,
			plural(d->over), d->over == 1 ? "s" : "");
	return mem_strdup(buf);
}

static char *effect_text(const struct draft *d)
{
	if (d->apply == CONFIG_RESTART)
		return mem_strdup("cannot change while the daemon runs: restart it");
	if (d->ask || d->cannot_ask || d->over)
		return import_text(d);
	if (d->apply == CONFIG_RESET_SESSION)
		return reset_text(d);
	return NULL;
}

static void finish_line(struct reload_plan *out, struct draft *d)
{
	reload_plan_add(out, d->apply, d->subject,
		mem_printf("%s%s%s", d->path, *d->path ? " " : "", d->words), effect_text(d));
	free(d->path);
	free(d->words);
}

struct reload_plan *rrd_reload_plan(const struct rrd *r, const struct config_rrd *to)
{
	struct planning p = { .r = r, .from = r->cfg, .to = to };
	struct reload_plan *out = reload_plan_new();

	config_diff_init(&p.all);
	config_diff(&p.all, &config_rrd_schema, r->cfg, to);
	add_groups(&p);
	add_neighbors(&p);
	add_ranges(&p);
	add_daemon(&p);
	config_diff_fini(&p.all);
	for (size_t i = 0; i < p.count; i++)
		finish_line(out, &p.draft[i]);
	reload_plan_sort(out);
	free(p.draft);
	return out;
}
