/*
 * The generator's commands, one a line: a word, mostly the name of a group, and key=value. Each is answered by one line of
 * JSON with "at": seconds since the last mark at which it was done. Commands that wait also tell, twice a second, how far they are.
 *
 *   server address=A port=N                   who is spoken to
 *   numbers first=A count=N                   the run's prefixes: successive /24s
 *   group G first=A count=N as=N add-path=0..3 hold=S reconnect=0|1 send=0|1     send: the table, as soon as a session is up
 *   load G base=N count=N stride=N modulo=N per-set=N next-hop=A med=N path-ids=0|1
 *                                             the peers' tables; the next one's begins stride further on (and next hops one)
 *   file G path=F                             the table of every peer of the group, and the run's prefixes
 *   connect G from=N count=N                  begins
 *   up G count=N timeout=S                    waits for that many sessions
 *   send G / withdraw G                       begins
 *   sent G timeout=S                          waits until all of it is in the kernel's hands
 *   wait G paths=N timeout=S                  waits until every peer of the group holds just that many paths
 *   close G from=N count=N reset=0|1
 *   pause G on=0|1                            reads nothing any more
 *   churn G to=H rate=N seconds=S order=random|sequence timeout=S       changes of the group's tables, and their times to the group H
 *   mark                                      the beginning of what is measured
 *   observe G                                 the longest silence between keepalives counts from now
 *   show G                                    counts
 */
#include "arguments.h"
#include "base/mem.h"
#include "bgp/open.h"
#include "clock.h"
#include "pace.h"
#include "speaker.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_OCTETS = 1024, TELL_EVERY_NS = 500000000 };

struct command {
	const char *name;
	bool (*run)(struct speaker *s, struct group *g, const struct arguments *a);
	bool needs_group;
};

static double since_mark(const struct speaker *s, uint64_t ns)
{
	return ns > s->mark_ns ? (double)(ns - s->mark_ns) / 1e9 : 0;
}

static bool done(struct speaker *s, uint64_t ns)
{
	printf("{\"done\": true, \"at\": %.6f, \"ns\": %llu}\n", since_mark(s, ns), (unsigned long long)ns);
	return true;
}

static struct group *find_group(struct speaker *s, const char *name)
{
	struct group *g = s->groups;

	while (g && strcmp(g->name, name) != 0)
		g = g->next;
	return g;
}

static bool cmd_server(struct speaker *s, struct group *g, const struct arguments *a)
{
	(void)g;
	s->server = arguments_address(a, "address", 0);
	s->port = (uint16_t)arguments_number(a, "port", BGP_PORT);
	return done(s, clock_ns());
}

static bool cmd_numbers(struct speaker *s, struct group *g, const struct arguments *a)
{
	(void)g;
	numbers_fini(&s->numbers);
	s->numbers.first = arguments_address(a, "first", 0);
	s->numbers.count = arguments_number(a, "count", 0);
	return done(s, clock_ns());
}

static bool cmd_group(struct speaker *s, struct group *g, const struct arguments *a)
{
	uint32_t first = arguments_address(a, "first", 0);

	if (g || strlen(a->name) >= sizeof(g->name))
		return false;
	g = mem_calloc(1, sizeof(*g));
	memcpy(g->name, a->name, strlen(a->name));
	g->speaker = s;
	g->count = arguments_number(a, "count", 1);
	g->as = arguments_number(a, "as", 65021);
	g->hold_time_s = (uint16_t)arguments_number(a, "hold", 240);
	g->add_path = (uint8_t)arguments_number(a, "add-path", BGP_ADD_PATH_NONE);
	g->reconnect = arguments_number(a, "reconnect", 1);
	g->send_when_established = arguments_number(a, "send", 0);
	g->peer = mem_calloc(g->count, sizeof(*g->peer));
	for (uint32_t i = 0; i < g->count; i++) {
		g->peer[i] = (struct peer){ .group = g, .number = i, .address = first + i, .fd = -1 };
		view_init(&g->peer[i].view, &s->numbers, first + i);
	}
	g->next = s->groups;
	s->groups = g;
	return done(s, clock_ns());
}

static bool cmd_load(struct speaker *s, struct group *g, const struct arguments *a)
{
	uint32_t base = arguments_number(a, "base", 0), stride = arguments_number(a, "stride", 0);
	uint32_t modulo = arguments_number(a, "modulo", UINT32_MAX);
	bool path_ids = arguments_number(a, "path-ids", 0);

	for (uint32_t i = 0; i < g->count; i++) {
		struct peer *p = &g->peer[i];

		p->spec = (struct feed_spec){
			.base = s->numbers.first,
			.first = base + (uint32_t)((uint64_t)i * stride % modulo),
			.count = arguments_number(a, "count", 1),
			.per_set = arguments_number(a, "per-set", 1),
			.next_hop = arguments_address(a, "next-hop", g->peer[0].address) + i,
			.path_id = path_ids ? i + 1 : 0,
			.med = arguments_number(a, "med", 0),
		};
		feed_make(&p->feed, &p->spec);
	}
	return done(s, clock_ns());
}

static bool cmd_file(struct speaker *s, struct group *g, const struct arguments *a)
{
	const char *path = arguments_text(a, "path", "");

	numbers_fini(&s->numbers);
	for (uint32_t i = 0; i < g->count; i++) {
		if (!feed_load(&g->peer[i].feed, path, &s->numbers))
			return false;
	}
	printf("{\"done\": true, \"prefixes\": %u, \"octets\": %zu}\n", s->numbers.count,
		g->peer[0].feed.announce_len);
	return true;
}

/* The peers that a command is about: all, or those from `from` on. */
static void each(
	struct group *g, const struct arguments *a, void (*what)(struct peer *p, const struct arguments *a))
{
	uint32_t from = arguments_number(a, "from", 0), count = arguments_number(a, "count", g->count);

	for (uint32_t i = from; i < g->count && i - from < count; i++)
		what(&g->peer[i], a);
}

static void connect_one(struct peer *p, const struct arguments *a)
{
	(void)a;
	peer_connect(p);
}

static bool cmd_connect(struct speaker *s, struct group *g, const struct arguments *a)
{
	each(g, a, connect_one);
	return done(s, clock_ns());
}

static void close_one(struct peer *p, const struct arguments *a)
{
	peer_close(p, arguments_number(a, "reset", 0));
}

static bool cmd_close(struct speaker *s, struct group *g, const struct arguments *a)
{
	each(g, a, close_one);
	return done(s, clock_ns());
}

static void pause_one(struct peer *p, const struct arguments *a)
{
	peer_pause(p, arguments_number(a, "on", 1));
}

static bool cmd_pause(struct speaker *s, struct group *g, const struct arguments *a)
{
	each(g, a, pause_one);
	return done(s, clock_ns());
}

static void send_one(struct peer *p, const struct arguments *a)
{
	(void)a;
	peer_send(p, p->feed.announce, p->feed.announce_len);
}

static bool cmd_send(struct speaker *s, struct group *g, const struct arguments *a)
{
	each(g, a, send_one);
	return done(s, clock_ns());
}

static void withdraw_one(struct peer *p, const struct arguments *a)
{
	(void)a;
	peer_send(p, p->feed.withdraw, p->feed.withdraw_len);
}

static bool cmd_withdraw(struct speaker *s, struct group *g, const struct arguments *a)
{
	each(g, a, withdraw_one);
	return done(s, clock_ns());
}

/* --- waiting --- */

static bool wait_until(struct speaker *s, struct group *g, const struct arguments *a,
	bool (*fact)(const struct group *g, const struct arguments *a))
{
	uint64_t now_ns = clock_ns(), told_ns = now_ns;
	uint64_t end_ns = now_ns + arguments_number(a, "timeout", 60) * UINT64_C(1000000000);

	while (!fact(g, a) && now_ns < end_ns) {
		speaker_turn(s, end_ns < told_ns + TELL_EVERY_NS ? end_ns : told_ns + TELL_EVERY_NS);
		now_ns = clock_ns();
		if (now_ns >= told_ns + TELL_EVERY_NS) {
			pace_tell_progress(s, g, now_ns);
			told_ns = now_ns;
		}
	}
	return fact(g, a);
}

static bool wait_answer(struct speaker *s, bool is_done, struct group *g, uint64_t ns)
{
	printf("{\"done\": %s, \"at\": %.6f, ", is_done ? "true" : "false", since_mark(s, ns));
	pace_print_group(g);
	printf("}\n");
	return true;
}

static bool is_up(const struct group *g, const struct arguments *a)
{
	return g->established >= arguments_number(a, "count", g->count);
}

static bool cmd_up(struct speaker *s, struct group *g, const struct arguments *a)
{
	bool is_done = wait_until(s, g, a, is_up);
	uint64_t last_ns = 0;

	for (uint32_t i = 0; i < g->count; i++) {
		if (g->peer[i].state == PEER_ESTABLISHED && g->peer[i].established_ns > last_ns)
			last_ns = g->peer[i].established_ns;
	}
	return wait_answer(s, is_done, g, last_ns);
}

static bool is_sent(const struct group *g, const struct arguments *a)
{
	(void)a;
	for (uint32_t i = 0; i < g->count; i++) {
		if (!peer_is_idle(&g->peer[i]))
			return false;
	}
	return true;
}

static bool cmd_sent(struct speaker *s, struct group *g, const struct arguments *a)
{
	bool is_done = wait_until(s, g, a, is_sent);

	return wait_answer(s, is_done, g, clock_ns());
}

static bool is_reached(const struct group *g, const struct arguments *a)
{
	(void)a;
	return g->reached == g->count;
}

static bool cmd_wait(struct speaker *s, struct group *g, const struct arguments *a)
{
	uint64_t last_ns = 0, now_ns = clock_ns();
	bool is_done;

	g->target = arguments_number(a, "paths", 0);
	for (uint32_t i = 0; i < g->count; i++)
		peer_check(&g->peer[i], now_ns);
	is_done = wait_until(s, g, a, is_reached);
	for (uint32_t i = 0; i < g->count; i++) {
		if (g->peer[i].reached_ns > last_ns)
			last_ns = g->peer[i].reached_ns;
	}
	return wait_answer(s, is_done, g, is_done ? last_ns : clock_ns());
}

static bool cmd_mark(struct speaker *s, struct group *g, const struct arguments *a)
{
	(void)g;
	(void)a;
	s->mark_ns = clock_ns();
	return done(s, s->mark_ns);
}

static bool cmd_observe(struct speaker *s, struct group *g, const struct arguments *a)
{
	(void)a;
	g->keepalive_gap_ns = 0;
	return done(s, clock_ns());
}

static bool cmd_churn(struct speaker *s, struct group *g, const struct arguments *a)
{
	struct group *to = find_group(s, arguments_text(a, "to", ""));
	struct pace pace = {
		.rate = arguments_number(a, "rate", 200),
		.seconds = arguments_number(a, "seconds", 10),
		.timeout_s = arguments_number(a, "timeout", 60),
		.is_random = strcmp(arguments_text(a, "order", "random"), "random") == 0,
	};

	if (!to || g->peer[0].spec.count == 0)
		return false;
	pace_run(s, g, to, &pace);
	return true;
}

static bool cmd_show(struct speaker *s, struct group *g, const struct arguments *a)
{
	(void)a;
	return wait_answer(s, true, g, clock_ns());
}

static const struct command commands[] = {
	{ "server", cmd_server, false },
	{ "numbers", cmd_numbers, false },
	{ "group", cmd_group, false },
	{ "mark", cmd_mark, false },
	{ "load", cmd_load, true },
	{ "file", cmd_file, true },
	{ "connect", cmd_connect, true },
	{ "close", cmd_close, true },
	{ "pause", cmd_pause, true },
	{ "send", cmd_send, true },
	{ "withdraw", cmd_withdraw, true },
	{ "up", cmd_up, true },
	{ "sent", cmd_sent, true },
	{ "wait", cmd_wait, true },
	{ "observe", cmd_observe, true },
	{ "churn", cmd_churn, true },
	{ "show", cmd_show, true },
};

static bool obey(struct speaker *s, const struct arguments *a)
{
	struct group *g = find_group(s, a->name);

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, a->command) == 0)
			return (g || !commands[i].needs_group) && commands[i].run(s, g, a);
	}
	return false;
}

static void free_groups(struct speaker *s)
{
	while (s->groups) {
		struct group *g = s->groups;

		s->groups = g->next;
		for (uint32_t i = 0; i < g->count; i++) {
			peer_close(&g->peer[i], true);
			feed_fini(&g->peer[i].feed);
			view_fini(&g->peer[i].view);
			free(g->peer[i].piece);
		}
		free(g->peer);
		free(g);
	}
	churn_fini(&s->churn);
	numbers_fini(&s->numbers);
}

/* Until there is a command the speakers live on. */
static bool next_line(struct speaker *s, FILE *in, char *line, int size)
{
	struct pollfd readable = { .fd = fileno(in), .events = POLLIN };

	while (poll(&readable, 1, 0) == 0)
		speaker_turn(s, clock_ns() + TELL_EVERY_NS);
	return fgets(line, size, in) != NULL;
}

int script_run(struct speaker *s, FILE *in)
{
	char line[LINE_MAX_OCTETS];
	int status = EXIT_SUCCESS;
	struct arguments a;

	while (next_line(s, in, line, sizeof(line))) {
		char *copy = mem_strdup(line);

		if (arguments_parse(&a, line) && !obey(s, &a)) {
			fprintf(stderr, "speaker: cannot do: %s", copy);
			status = EXIT_FAILURE;
		}
		free(copy);
		fflush(stdout);
		if (status != EXIT_SUCCESS)
			break;
	}
	free_groups(s);
	return status;
}
