#include "agent/masquerade.h"

#include "base/mem.h"
#include "daemon/privileges.h"
#include "io/child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	COMMAND_US = 10 * 1000000,
	RETRY_US = 30 * 1000000,
	LEAVE_US = 5 * 1000000,
	OUTPUT_KEPT = 1 << 20,
	ERROR_MAX = 256,
	HEAD_WORDS = 6,
	PROGRAMS = 2 /* each tool, and its stand-in */
};

/* One of the two tools, and the rules of its family. */
struct side {
	uint8_t family;
	const char *name;
	unsigned program; /* which of masquerade_program() */
	bool needed;	  /* there was ever something to do for it */
	bool listed;	  /* there is what is there */
	size_t added;	  /* rules since the last listing that showed all of them */
	struct masquerade_rule *wanted, *there;
	size_t wanted_count, there_count;
};

struct masquerade {
	struct io_loop *loop;
	struct side sides[2];
	struct io_child *child;
	struct side *running; /* whose command that is */
	char verb;	      /* L, A or D */
	struct io_timer *again;
	char error[ERROR_MAX];
	bool stuck; /* until the timer */
	const struct masquerade_ops *ops;
	void *user;
	struct io_timer *limit;
	void (*left)(void *user);
	void *left_user;
};

const char *masquerade_program(const char *name, unsigned n)
{
	static const struct {
		const char *name, *paths[PROGRAMS][2];
	} programs[] = {
		{ "iptables", { { "/usr/sbin/iptables", "/sbin/iptables" },
				      { "/usr/sbin/iptables-legacy", "/sbin/iptables-legacy" } } },
		{ "ip6tables", { { "/usr/sbin/ip6tables", "/sbin/ip6tables" },
				       { "/usr/sbin/ip6tables-legacy", "/sbin/ip6tables-legacy" } } },
	};

	for (size_t i = 0; n < PROGRAMS && i < sizeof(programs) / sizeof(programs[0]); i++)
		for (size_t k = 0; k < 2 && strcmp(name, programs[i].name) == 0; k++)
			if (access(programs[i].paths[n][k], X_OK) == 0)
				return programs[i].paths[n][k];
	return NULL;
}

static bool has(const struct masquerade_rule *rules, size_t count, const char *comment)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rules[i].comment, comment) == 0)
			return true;
	return false;
}

/* A copy whose words point into itself. */
static void append(struct masquerade_rule **rules, size_t *count, const struct masquerade_rule *r)
{
	struct masquerade_rule *old = *rules, *all = mem_calloc(*count + 1, sizeof(*all));

	for (size_t i = 0; i <= *count; i++) {
		const struct masquerade_rule *from = i < *count ? &old[i] : r;

		all[i] = *from;
		for (size_t k = 0; from->words[k]; k++)
			all[i].words[k] = all[i].text + (from->words[k] - from->text);
	}
	free(old);
	*rules = all;
	(*count)++;
}

/* --- what is wanted --- */

static void want(struct masquerade *m, const struct config_agent *cfg)
{
	for (size_t k = 0; k < 2; k++) {
		free(m->sides[k].wanted);
		m->sides[k].wanted = NULL;
		m->sides[k].wanted_count = 0;
	}
	for (size_t i = 0; cfg && cfg->masquerade && i < cfg->service_count; i++) {
		struct side *s = &m->sides[cfg->services[i].family == IP_V6];
		struct masquerade_rule r;

		if (masquerade_rule_of(&cfg->services[i], &r) && !has(s->wanted, s->wanted_count, r.comment))
			append(&s->wanted, &s->wanted_count, &r);
		s->needed |= s->wanted_count > 0;
	}
}

static void take_listing(struct side *s, const char *output)
{
	struct masquerade_rule r;

	for (size_t len; *output; output += len + (output[len] == '\n')) {
		len = strcspn(output, "\n");
		if (masquerade_rule_read(output, len, &r))
			append(&s->there, &s->there_count, &r);
	}
	s->listed = true;
}

static void forget_listing(struct side *s)
{
	free(s->there);
	s->there = NULL;
	s->there_count = 0;
	s->listed = false;
}

/* --- one command after the other --- */

static void go_on(struct masquerade *m);

static void leave_now(struct masquerade *m)
{
	void (*left)(void *user) = m->left;

	m->left = NULL;
	if (left)
		left(m->left_user);
}

/* What most likely is missing where a tool says this. */
static const char *need_of(const char *said)
{
	if (strstr(said, "lock file"))
		return "to be run as root, or that its user may open that file";
	if (strstr(said, "modprobe"))
		return "the module ip_tables (ip6_tables), which root alone can load: modprobe it before";
	if (strstr(said, "Permission denied") || strstr(said, "Operation not permitted"))
		return "CAP_NET_RAW beside CAP_NET_ADMIN";
	return "the module xt_ipvs on the node";
}

/* The first line of what the tool said: the rest is about its options. */
static void fail(struct masquerade *m, const struct side *s, const struct io_child_result *r)
{
	const char *said = r->output ? r->output : "";
	char why[ERROR_MAX];

	if (!said[0])
		said = r->why;
	snprintf(why, sizeof(why), "%s: %.*s; it needs %s", s->name, (int)strcspn(said, "\n"), said,
		need_of(said));
	m->stuck = true;
	io_timer_set(m->again, RETRY_US);
	if (strcmp(why, m->error) != 0) {
		snprintf(m->error, sizeof(m->error), "%s", why);
		m->ops->failed(m->user, m->error);
	}
}

static void ended(void *user, const struct io_child_result *r)
{
	struct masquerade *m = user;
	struct side *s = m->running;
	bool good = r->started && !r->timed_out && r->status == 0;

	m->child = NULL;
	if (good && m->verb == 'L')
		take_listing(s, r->output);
	else
		/* Whatever became of it, the next listing tells. */
		forget_listing(s);
	if (!good && s->program + 1 < PROGRAMS && masquerade_program(s->name, s->program + 1))
		s->program++;
	else if (!good)
		fail(m, s, r);
	go_on(m);
}

static bool run(struct masquerade *m, struct side *s, char verb, const struct masquerade_rule *r)
{
	const char *argv[HEAD_WORDS + MASQUERADE_WORDS_MAX] = { masquerade_program(s->name, s->program), "-w",
		"5", "-t", "nat",
		verb == 'A'   ? "-A"
		: verb == 'D' ? "-D"
			      : "-S" };
	static const char *const chain[] = { "POSTROUTING", NULL };
	const char *const *words = r ? r->words : chain;
	const struct io_child_result nothing = { .why = "the program is not there" };

	if (!argv[0]) {
		fail(m, s, &nothing);
		return false;
	}
	for (size_t i = 0; words[i]; i++)
		argv[HEAD_WORDS + i] = words[i];
	m->running = s;
	m->verb = verb;
	daemon_privileges_lend(DAEMON_CAP_BIT(DAEMON_CAP_NET_ADMIN) | DAEMON_CAP_BIT(DAEMON_CAP_NET_RAW));
	m->child = io_child_start(m->loop, argv, NULL, COMMAND_US, OUTPUT_KEPT, ended, m);
	daemon_privileges_lend(0);
	return true;
}

/* A rule that is added and not listed would be added for ever. */
static bool add(struct masquerade *m, struct side *s, const struct masquerade_rule *r)
{
	static const struct io_child_result nothing = { .why = "rules that were added are not listed" };

	if (s->added++ < 2 * s->wanted_count)
		return run(m, s, 'A', r);
	fail(m, s, &nothing);
	return false;
}

/* Starts the next command of this side; false: there is none. */
static bool next(struct masquerade *m, struct side *s)
{
	if (!s->needed)
		return false;
	if (!s->listed)
		return run(m, s, 'L', NULL);
	for (size_t i = 0; i < s->there_count; i++)
		if (!has(s->wanted, s->wanted_count, s->there[i].comment) ||
			has(s->there, i, s->there[i].comment))
			return run(m, s, 'D', &s->there[i]);
	for (size_t i = 0; i < s->wanted_count; i++)
		if (!has(s->there, s->there_count, s->wanted[i].comment))
			return add(m, s, &s->wanted[i]);
	s->added = 0;
	return false;
}

static void go_on(struct masquerade *m)
{
	for (size_t i = 0; i < 2 && !m->child && !m->stuck; i++)
		next(m, &m->sides[i]);
	if (m->child)
		return;
	if (!m->stuck)
		m->error[0] = 0;
	m->ops->rested(m->user);
	if (m->left)
		leave_now(m);
}

static void try_again(void *user)
{
	struct masquerade *m = user;

	m->stuck = false;
	for (size_t i = 0; i < 2; i++)
		m->sides[i].added = 0;
	go_on(m);
}

static void time_over(void *user)
{
	leave_now(user);
}

/* --- from outside --- */

struct masquerade *masquerade_new(
	struct io_loop *loop, const struct config_agent *cfg, const struct masquerade_ops *ops, void *user)
{
	struct masquerade *m = mem_calloc(1, sizeof(*m));

	m->loop = loop;
	m->ops = ops;
	m->user = user;
	m->sides[0] = (struct side){ .family = IP_V4, .name = "iptables" };
	m->sides[1] = (struct side){ .family = IP_V6, .name = "ip6tables" };
	m->again = io_timer_new(loop, try_again, m);
	m->limit = io_timer_new(loop, time_over, m);
	masquerade_configure(m, cfg);
	return m;
}

void masquerade_configure(struct masquerade *m, const struct config_agent *cfg)
{
	want(m, cfg);
	/* In a later turn, after what is going on. */
	if (!m->child)
		io_timer_set(m->again, 0);
}

void masquerade_leave(struct masquerade *m, void (*done)(void *user), void *user)
{
	m->left = done;
	m->left_user = user;
	io_timer_set(m->limit, LEAVE_US);
	masquerade_configure(m, NULL);
}

const char *masquerade_error(const struct masquerade *m)
{
	return m->error;
}

bool masquerade_settled(const struct masquerade *m)
{
	return !m->child && !m->stuck && !io_timer_pending(m->again);
}

void masquerade_free(struct masquerade *m)
{
	if (!m)
		return;
	io_child_kill(m->child);
	io_timer_free(m->again);
	io_timer_free(m->limit);
	for (size_t i = 0; i < 2; i++) {
		free(m->sides[i].wanted);
		free(m->sides[i].there);
	}
	free(m);
}
