#include "control/catalog.h"
#include "unit/rrctl/support.h"

#include "rrctl/cell.h"
#include "rrctl/sheet.h"

#include "control/server.h"
#include "io/unix.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void neighbors_stand_in_columns(void **state)
{
	static const char *const rows[] = {
		"{\"address\":\"10.0.0.110\",\"description\":\"the router\",\"as\":65021,\"router-id\":"
		"\"10.0.0.110\",\"state\":\"Established\",\"since-ms\":200000,\"peer-group\":\"routers\","
		"\"dynamic\":false,\"received\":0,\"advertised\":3,\"last-error\":\"Connection refused\","
		"\"last-error-ago-ms\":9000,\"last-error-over\":true,\"new-key\":{\"a\":1}}",
		"{\"address\":\"172.16.1.5\",\"as\":4200000000,\"state\":\"Active\",\"since-ms\":61,"
		"\"peer-group\":\"k8s\",\"dynamic\":true,\"received\":12345,\"advertised\":0,"
		"\"last-error\":\"Hold Timer Expired\",\"last-error-ago-ms\":61,\"last-error-over\":false}",
		"{\"address\":\"172.16.1.6\",\"as\":65021,\"state\":\"Established\",\"since-ms\":4000,"
		"\"dynamic\":true,\"received\":1,\"advertised\":0,\"last-error\":\"\"}",
		NULL,
	};

	(void)state;
	expect_table(&view_neighbors, 0, rows,
		"ADDRESS             AS  STATE        SINCE       ROUTER-ID   GROUP    DYNAMIC  RECEIVED  "
		"ADVERTISED  BFD  ADMIN  DESCRIPTION  LAST-ERROR\n"
		"10.0.0.110       65021  Established  3 min 20 s  10.0.0.110  routers  no              0  "
		"         3  -    -      the router   (9 s ago: Connection refused)\n"
		"172.16.1.5  4200000000  Active       61 ms       -           k8s      yes         12345  "
		"         0  -    -      -            61 ms ago: Hold Timer Expired\n"
		"172.16.1.6       65021  Established  4 s         -           -        yes             1  "
		"         0  -    -      -            -\n");
}

static void how_much_more_there_is_stands_below_the_table(void **state)
{
	static const char *const rows[] = {
		"{\"prefix\":\"10.2.0.0/24\",\"path-id\":0,\"next-hop\":\"10.0.0.5\",\"age-ms\":4000,"
		"\"reason\":\"prefix not allowed\"}",
		"{\"not-kept\":7,\"note\":\"and 7 more, not kept\"}",
		NULL,
	};

	(void)state;
	expect_table(&view_rejected, 0, rows,
		"PREFIX       ID  NEXT-HOP  AGE  REASON\n"
		"10.2.0.0/24   0  10.0.0.5  4 s  prefix not allowed\n"
		"and 7 more, not kept\n");
}

static void a_prefix_is_printed_on_its_first_path_only(void **state)
{
	static const char *const rows[] = {
		"{\"prefix\":\"10.1.1.0/24\",\"best\":true,\"multipath\":true,\"next-hop\":\"10.0.0.1\","
		"\"from\":\"172.16.0.1\",\"originator-id\":\"172.16.0.1\",\"path-id\":0,\"local-pref\":100,"
		"\"as-path\":\"\",\"origin\":\"igp\",\"age-ms\":4000}",
		"{\"prefix\":\"10.1.1.0/24\",\"best\":false,\"multipath\":true,\"next-hop\":\"10.0.0.2\","
		"\"from\":\"172.16.0.2\",\"originator-id\":\"172.16.0.2\",\"path-id\":7,\"local-pref\":100,"
		"\"med\":50,\"as-path\":\"65001 65002\",\"origin\":\"igp\",\"age-ms\":3720000,"
		"\"communities\":\"65000:1 65000:2\"}",
		"{\"prefix\":\"10.1.2.0/24\",\"best\":false,\"multipath\":false,\"next-hop\":\"10.0.0.2\"}",
		NULL,
	};

	(void)state;
	expect_table(&view_routes, 0, rows,
		"    PREFIX       NEXT-HOP  FROM        ORIGINATOR  ID  PREF  MED  AS-PATH      ORIGIN  AGE  "
		" "
		"     COMMUNITIES\n"
		"*>  10.1.1.0/24  10.0.0.1  172.16.0.1  172.16.0.1   0   100    -  -            igp     4 s  "
		" "
		"     -\n"
		"*=               10.0.0.2  172.16.0.2  172.16.0.2   7   100   50  65001 65002  igp     1 h "
		"2 "
		"min  65000:1 65000:2\n"
		"    10.1.2.0/24  10.0.0.2  -           -            -     -    -  -            -       -    "
		" "
		"     -\n");
}

static void from_whom_a_path_is_stays_where_the_terminal_is_narrow(void **state)
{
	static const char *const rows[] = {
		"{\"prefix\":\"10.1.1.0/24\",\"best\":true,\"multipath\":true,\"next-hop\":\"10.0.0.105\","
		"\"from\":\"172.16.1.140\",\"originator-id\":\"172.16.1.140\",\"path-id\":1,\"local-pref\":"
		"100,"
		"\"med\":5,\"as-path\":\"65001\",\"origin\":\"igp\",\"age-ms\":754000,"
		"\"communities\":\"65001:100 65001:200\"}",
		NULL,
	};

	(void)state;
	expect_table(&view_routes, 80, rows,
		"    PREFIX       NEXT-HOP    FROM          PREF  AS-PATH  AGE\n"
		"*>  10.1.1.0/24  10.0.0.105  172.16.1.140   100  65001    12 min 34 s\n");
	expect_table(&view_routes, 50, rows,
		"    PREFIX       NEXT-HOP    AS-PATH  AGE\n"
		"*>  10.1.1.0/24  10.0.0.105  65001    12 min 34 s\n");
}

static void the_reason_of_a_path_is_the_last_column(void **state)
{
	static const char *const rows[] = {
		"{\"prefix\":\"10.1.1.0/24\",\"best\":true,\"multipath\":false,\"next-hop\":\"10.0.0.1\","
		"\"cluster-list\":[\"10.0.0.109\",\"10.0.0.108\"],\"why\":\"best: lower router id\"}",
		NULL,
	};

	(void)state;
	expect_table(&view_route, 0, rows,
		"    PREFIX       NEXT-HOP  FROM  ORIGINATOR  ID  PREF  MED  AS-PATH  ORIGIN  AGE  "
		"COMMUNITIES  "
		"CLUSTERS                WHY\n"
		"*>  10.1.1.0/24  10.0.0.1  -     -            -     -    -  -        -       -    -         "
		"   "
		"10.0.0.109, 10.0.0.108  best: lower router id\n");
}

static void a_kernel_route_has_a_line_per_next_hop(void **state)
{
	static const char *const rows[] = {
		"{\"prefix\":\"10.1.1.0/24\",\"next-hops\":[{\"address\":\"10.0.0.1\",\"interface\":\"eth0\","
		"\"weight\":2,\"wanted-percent\":66.7,\"actual-percent\":50},{\"address\":\"10.0.0.2\","
		"\"interface\":"
		"\"eth0\",\"weight\":1}],\"state\":\"installed\",\"group-id\":1000,\"group-type\":"
		"\"resilient\","
		"\"warning\":\"it cannot follow\"}",
		"{\"prefix\":\"10.1.2.0/24\",\"next-hops\":[{\"address\":\"10.9.9.9\",\"weight\":1,\"error\":"
		"\"no route\"}],\"state\":\"waiting\",\"error\":\"no next hop\"}",
		"{\"prefix\":\"10.1.3.0/24\",\"next-hops\":[],\"state\":\"leaving\"}",
		NULL,
	};

	(void)state;
	expect_table(&view_fib, 0, rows,
		"PREFIX       NEXT-HOP  INTERFACE  WEIGHT  WANTED%  ACTUAL%  PROBLEM   STATE      GROUP  "
		"TYPE       "
		"ERROR        WARNING\n"
		"10.1.1.0/24  10.0.0.1  eth0            2     66.7       50  -         installed   1000  "
		"resilient  "
		"-            it cannot follow\n"
		"             10.0.0.2  eth0            1        -        -  -\n"
		"10.1.2.0/24  10.9.9.9  -               1        -        -  no route  waiting        -  -   "
		"       "
		"no next hop  -\n"
		"10.1.3.0/24  -         -               -        -        -  -         leaving        -  -   "
		"       "
		"-            -\n");
}

static void a_table_without_rows_has_headers(void **state)
{
	static const char *const none[] = { NULL };

	(void)state;
	expect_table(&view_memory, 0, none, "WHAT  OBJECTS  OCTETS\n");
	expect_table(&view_ranges, 0, none,
		"PREFIX  GROUP  LIMIT  NEIGHBORS  REFUSED  LAST-REFUSED  FAILED  LAST-FAILED  WAITING  "
		"GAVE-WAY  TIMED-OUT  PER-S "
		" "
		"TOO-FAST  TWO-SPEAKERS\n");
}

static void free_text_is_cut_to_fit_the_terminal_and_only_then(void **state)
{
	static const char *const rows[] = {
		"{\"address\":\"10.0.0.1\",\"as\":1,\"state\":\"Idle\",\"description\":"
		"\"d\u00e9j\u00e0 vu d\u00e9j\u00e0 vu d\u00e9j\u00e0 vu d\u00e9j\u00e0 vu\","
		"\"last-error\":\"what the peer said was too long to stand beside the rest\","
		"\"last-error-ago-ms\":4000}",
		NULL,
	};

	static const char *const long_path[] = {
		"{\"prefix\":\"10.1.1.0/"
		"24\",\"best\":true,\"next-hop\":\"10.0.0.105\",\"from\":\"172.16.1.140\","
		"\"local-pref\":100,\"as-path\":\"65001 65002 65003 65004 65005\",\"age-ms\":4000}",
		NULL,
	};

	(void)state;
	expect_table(&view_neighbors, 90, rows,
		"ADDRESS   AS  STATE  SINCE  GROUP  RECEIVED  ADVERTISED  DESCRIPTION\n"
		"10.0.0.1   1  Idle   -      -             -           -  d\u00e9j\u00e0 vu d\u00e9j\u00e0 "
		"vu "
		"d\u00e9j\u00e0 vu d\u00e9j\u00e0 vu\n"
		"    LAST-ERROR: 4 s ago: what the peer said was too long to stand beside the rest\n");
	expect_table(&view_neighbors, 80, rows,
		"ADDRESS   AS  STATE  SINCE  GROUP  RECEIVED  ADVERTISED\n"
		"10.0.0.1   1  Idle   -      -             -           -\n"
		"    LAST-ERROR: 4 s ago: what the peer said was too long to stand beside the\n"
		"    rest\n");
	expect_table(&view_routes, 76, long_path,
		"    PREFIX       NEXT-HOP    FROM          AS-PATH                       AGE\n"
		"*>  10.1.1.0/24  10.0.0.105  172.16.1.140  65001 65002 65003 65004 650+  4 s\n");
}

static void rows_beyond_the_first_hundreds_keep_the_columns_and_are_all_there(void **state)
{
	char *text = NULL, *last;
	size_t len, lines = 0;
	FILE *out = open_memstream(&text, &len);
	struct table *t = table_new(out, &view_memory, 0);

	(void)state;
	for (int i = 0; i < 5000; i++) {
		struct row *r = row_new();

		row_printf(r, "what", "thing %04d", i);
		row_int(r, "objects", i);
		row_int(r, "octets", i < 4999 ? 1 : 123456789);
		table_add(t, r);
		row_free(r);
	}
	fflush(out);
	assert_true(len > 4000 * 20); /* it streams */
	table_end(t);
	table_free(t);
	fclose(out);
	for (char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 5001);
	last = strstr(text, "thing 4998");
	assert_non_null(last);
	assert_string_equal(last, "thing 4998     4998     1 B\nthing 4999     4999  123 MB\n");
	free(text);
}

static void what_steers_a_terminal_is_not_printed(void **state)
{
	struct row *r = parse("{\"a\":\"x\\u001b[2Jy\\u009bz\\u00a0\\n\\u007f\",\"b\":[\"p\\u0007\",\"q\"]}");
	char *a = cell_text(r, "a"), *b = cell_text(r, "b");

	(void)state;
	assert_string_equal(a, "x?[2Jy??z\u00a0??");
	assert_string_equal(b, "p?, q");
	free(a);
	free(b);
	row_free(r);
}

static void a_cell_is_cut_between_characters(void **state)
{
	char text[] = "\u00e9\u00e9\u00e9\u00e9";

	(void)state;
	cell_cut(text, 4);
	assert_string_equal(text, "\u00e9\u00e9\u00e9\u00e9");
	cell_cut(text, 3);
	assert_string_equal(text, "\u00e9\u00e9+");
	cell_cut(text, 1);
	assert_string_equal(text, "+");
}

static void expect_sheet(const char *json, const struct label *labels, const char *sheet)
{
	struct row *r = parse(json);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	sheet_print(out, r, labels);
	fclose(out);
	assert_string_equal(text, sheet);
	free(text);
	row_free(r);
}

static void a_status_is_in_words(void **state)
{
	(void)state;
	expect_sheet("{\"as\":65021,\"uptime-ms\":61000,\"draining\":false,"
		     "\"longest-turn\":{\"us\":1234,\"cpu-us\":0,\"descriptors-us\":27,\"descriptors\":1},"
		     "\"long-turns\":2,\"fib\":{\"kernel\":\"classic multipath\",\"new-key-ms\":5}}",
		status_labels,
		"AS:                65021\n"
		"running for:       1 min 1 s\n"
		"draining:          no\n"
		"longest turn of the loop:\n"
		"  took:             1.2 ms\n"
		"  of that on a CPU: 0 s\n"
		"  for sockets:      27 us\n"
		"  sockets served:   1\n"
		"turns over 100 ms: 2\n"
		"kernel's routes:\n"
		"  kept as: classic multipath\n"
		"  new-key: 5 ms\n");
}

static void a_sheet_shows_every_level_and_no_empty_value(void **state)
{
	(void)state;
	expect_sheet("{\"address\":\"10.0.0.1\",\"as\":65021,\"since-ms\":61000,\"hold-time-s\":9,"
		     "\"dynamic\":true,\"last-error\":null,\"fqdn\":\"\",\"uptime-ms\":0,\"took-us\":1234,"
		     "\"capabilities\":{\"families\":[\"ipv4-unicast\",\"ipv6-unicast\"],"
		     "\"add-path\":{\"ipv4-unicast\":\"send receive\"},\"as4\":true},"
		     "\"rejected\":{},\"hops\":[{\"address\":\"a\",\"weight\":1},{\"address\":\"b\"}],"
		     "\"load\":0.5}",
		NULL,
		"address:   10.0.0.1\n"
		"as:        65021\n"
		"since:     1 min 1 s\n"
		"hold-time: 9 s\n"
		"dynamic:   yes\n"
		"uptime:    0 s\n"
		"took:      1.2 ms\n"
		"capabilities:\n"
		"  families: ipv4-unicast, ipv6-unicast\n"
		"  add-path:\n"
		"    ipv4-unicast: send receive\n"
		"  as4:      yes\n"
		"hops:\n"
		"  address: a\n"
		"  weight:  1\n"
		"\n"
		"  address: b\n"
		"load:      0.5\n");
}

/* --- the command line --- */

static const enum target RRD = TARGET_RRD, ANN = TARGET_ANNOUNCER;

static void words_may_be_shortened_while_one_command_remains(void **state)
{
	(void)state;
	expect_parse(RRD, "show neighbors", "{\"command\":\"show neighbors\"}");
	expect_parse(RRD, "sh nei", "{\"command\":\"show neighbors\"}");
	expect_parse(RRD, "sh nei 10.0.0.1", "{\"command\":\"show neighbor\",\"address\":\"10.0.0.1\"}");
	expect_parse(RRD, "s f", "{\"command\":\"show fib\"}");
	expect_parse(
		RRD, "show route 10.1.0.0/16", "{\"command\":\"show route\",\"prefix\":\"10.1.0.0/16\"}");
	expect_parse(
		RRD, "show neighbors 10.0.0.1", "{\"command\":\"show neighbor\",\"address\":\"10.0.0.1\"}");
	expect_parse(
		RRD, "show route for 10.1.1.1", "{\"command\":\"show route for\",\"address\":\"10.1.1.1\"}");
	expect_parse(RRD, "show route 10.1.1.1 w",
		"{\"command\":\"show route\",\"prefix\":\"10.1.1.1/32\",\"why\":true}");
	expect_parse(RRD, "show routes 2001:db8::/32 lo",
		"{\"command\":\"show routes\",\"prefix\":\"2001:db8::/32\",\"longer\":true}");
	expect_parse(RRD, "show routes", "{\"command\":\"show routes\"}");
	expect_parse(RRD, "cl n all we move the rack",
		"{\"command\":\"clear neighbor\",\"address\":\"all\",\"text\":\"we move the rack\"}");
	expect_parse(RRD, "sh adv 10.0.0.1", "{\"command\":\"show advertised\",\"address\":\"10.0.0.1\"}");
	expect_parse(RRD, "refresh all", "{\"command\":\"refresh\",\"address\":\"all\"}");
	expect_parse(RRD, "ref ::1 o", "{\"command\":\"refresh\",\"address\":\"::1\",\"direction\":\"out\"}");
	expect_parse(RRD, "watch routes", "{\"command\":\"watch routes\"}");
	expect_parse(RRD, "w r all", "{\"command\":\"watch routes\",\"all\":true}");
	expect_parse(RRD, "watch routes 10.0.0.0/8 longer all",
		"{\"command\":\"watch routes\",\"prefix\":\"10.0.0.0/8\",\"longer\":true,\"all\":true}");
	expect_parse(RRD, "watch routes 10.0.0.0/8 all",
		"{\"command\":\"watch routes\",\"prefix\":\"10.0.0.0/8\",\"all\":true}");
	expect_parse(RRD, "watch nei all", "{\"command\":\"watch neighbors\",\"all\":true}");
	/* What ends a session for good is written out. */
	expect_parse(RRD, "shutdown 10.0.0.1 new rack",
		"{\"command\":\"shutdown\",\"address\":\"10.0.0.1\",\"text\":\"new rack\"}");
	expect_parse(RRD, "shutd 10.0.0.1", "unknown command \"shutd 10.0.0.1\"; rrctl --help lists all");
	expect_parse(ANN, "enable ::1", "{\"command\":\"enable\",\"address\":\"::1\"}");
	expect_parse(ANN, "drain", "{\"command\":\"drain\"}");
	expect_parse(ANN, "drain 60", "{\"command\":\"drain\",\"time-s\":60}");
	expect_parse(ANN, "undrain", "{\"command\":\"undrain\"}");
	expect_parse(ANN, "sh ro", "{\"command\":\"show routes\"}");
	expect_parse(RRD, "clear neighbor ::1", "{\"command\":\"clear neighbor\",\"address\":\"::1\"}");
}

static void what_is_not_understood_is_said_with_what_would_be(void **state)
{
	(void)state;
	expect_parse(
		RRD, "watch", "there is more to say: watch routes, watch neighbors, watch fib, watch bfd");
	expect_parse(RRD, "watch routes x", "\"x\" is not a prefix, such as 10.1.1.0/24 or 2001:db8::/32");
	expect_parse(RRD, "watch routes 10.0.0.0/8 longer more",
		"\"more\" is not understood here; only \"all\" is");
	expect_parse(RRD, "refresh 10.0.0.1 up", "\"up\" is not understood here; only in|out are");
	expect_parse(RRD, "refresh x", "\"x\" is not an address, such as 10.0.0.1 or 2001:db8::1");
	expect_parse(RRD, "sh r", "could be \"show routes\" or \"show ranges\": write more of it");
	expect_parse(
		RRD, "sh rou 10.0.0.0/8", "could be \"show routes\" or \"show route\": write more of it");
	expect_parse(RRD, "shwo fib", "unknown command \"shwo fib\"; did you mean \"show fib\"?");
	expect_parse(RRD, "watch everything",
		"unknown command \"watch everything\"; behind \"watch\" may stand: routes, neighbors, fib, "
		"bfd");
	expect_parse(RRD, "wa everything",
		"unknown command \"wa everything\"; behind \"wa\" may stand: routes, neighbors, fib, bfd");
	expect_parse(RRD, "watch foo", "unknown command \"watch foo\"; did you mean \"watch fib\"?");
	expect_parse(ANN, "watch fib", "lb-announcer has no \"watch fib\"; ask rrd (rrctl)");
	expect_parse(ANN, "watch everything", "usage: rrctl -a watch");
	expect_parse(RRD, "make coffee", "unknown command \"make coffee\"; rrctl --help lists all");
	expect_parse(RRD, "show",
		"there is more to say: show neighbors, show neighbor, show routes, show route, show route "
		"for, show "
		"received, "
		"show advertised, show rejected, show fib, show nexthops, show ranges, show ranges failed, "
		"show bfd, show "
		"memory, show "
		"status, show log, show config");
	expect_parse(ANN, "drain -1", "\"-1\" is not a time: expected whole seconds");
	expect_parse(ANN, "drain 5s", "\"5s\" is not a time: expected whole seconds");
	expect_parse(ANN, "drain 99999999999999999999",
		"\"99999999999999999999\" is not a time: expected whole seconds");
	expect_parse(ANN, "drain 1 2", "usage: rrctl -a drain [SECONDS]");
	expect_parse(RRD, "clear neighbor", "usage: rrctl clear neighbor ADDRESS|all [TEXT]");
	expect_parse(RRD, "show fib please", "usage: rrctl show fib");
	expect_parse(RRD, "show neighbor ten", "\"ten\" is not an address, such as 10.0.0.1 or 2001:db8::1");
	expect_parse(RRD, "show route 10.0.0.1/8", "\"10.0.0.1/8\" has bits set beyond its length");
	expect_parse(RRD, "show route ten", "\"ten\" is not a prefix, such as 10.1.1.0/24 or 2001:db8::/32");
	expect_parse(RRD, "show route ::/0 because", "\"because\" is not understood here; only \"why\" is");
}

static void the_help_names_every_command(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	command_help(out);
	fclose(out);
	for (const struct control_command *c = control_catalog; c->targets; c++)
		if (command_view(c))
			assert_non_null(strstr(text, c->name));
	free(text);
}

/* --- against a daemon in another process --- */

static bool start_memory(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct row *r = parse("{\"what\":\"paths\",\"objects\":2,\"octets\":128,\"more\":[1,{\"x\":null}]}");

	(void)user;
	(void)args;
	(void)err;
	control_answer_row(out, r);
	return true;
}

static bool start_nothing(void *user, const struct row *args, struct control_answer *out, char *err)
{
	(void)user;
	(void)args;
	(void)err;
	control_answer_row(out, NULL);
	return true;
}

static bool start_refuse(void *user, const struct row *args, struct control_answer *out, char *err)
{
	(void)user;
	(void)args;
	(void)out;
	snprintf(err, 256, "this daemon is no router");
	return false;
}

static bool start_die(void *user, const struct row *args, struct control_answer *out, char *err)
{
	(void)user;
	(void)args;
	(void)out;
	(void)err;
	_exit(0);
}

static const struct control_command daemon_commands[] = {
	{ OF_RRD, "show memory" },
	{ OF_RRD, "clear neighbor", .own_check = true },
	{ OF_RRD, "show fib" },
	{ OF_RRD, "show status" },
	{ .targets = 0 },
};

static const struct control_handler daemon_handlers[] = {
	{ "show memory", start_memory },
	{ "clear neighbor", start_nothing },
	{ "show fib", start_refuse },
	{ "show status", start_die },
	{ NULL, NULL },
};

static void expect_within(unsigned limit_s, const char *socket, bool json, const char *line,
	enum rrctl_exit result, const char *out_text, const char *err_text)
{
	char *out = NULL, *err = NULL, *copy = strdup(line), *argv[16];
	size_t out_len, err_len;
	struct rrctl_opts opts = { .socket = socket, .json = json, .limit_s = limit_s };
	int argc = 0;

	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	opts.out = open_memstream(&out, &out_len);
	opts.err = open_memstream(&err, &err_len);
	assert_int_equal(rrctl_run(&opts, argc, argv), result);
	fclose(opts.out);
	fclose(opts.err);
	assert_string_equal(out, out_text);
	if (*err_text ? !strstr(err, err_text) : *err)
		fail_msg("expected \"%s\", got \"%s\"", err_text, err);
	free(out);
	free(err);
	free(copy);
}

static void expect_run(const char *socket, bool json, const char *line, enum rrctl_exit result,
	const char *out_text, const char *err_text)
{
	expect_within(20, socket, json, line, result, out_text, err_text);
}

static void the_exit_code_tells_who_said_no(void **state)
{
	char dir[] = "/tmp/rrd-test-rrctl-XXXXXX", path[64], err[256];
	struct io_loop *loop = io_loop_new();
	struct control_server *server;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	expect_run(path, false, "show memory", RRCTL_UNREACHABLE, "",
		"sock: No such file or directory; is it running? (-s names another socket)\n");
	server = serve_at(loop, path, daemon_commands, daemon_handlers, NULL, err);
	assert_non_null(server);
	pid = fork();
	if (pid == 0) {
		alarm(20);
		io_loop_run(loop);
		_exit(0);
	}
	expect_run(
		path, false, "show memory", RRCTL_OK, "WHAT   OBJECTS  OCTETS\npaths        2   128 B\n", "");
	expect_run(path, true, "show memory", RRCTL_OK,
		"{\"what\":\"paths\",\"objects\":2,\"octets\":128,\"more\":[1,{\"x\":null}]}\n", "");
	expect_run(path, false, "clear neighbor all", RRCTL_OK, "", "");
	expect_run(path, false, "show fib", RRCTL_REFUSED, "", "rrctl: this daemon is no router\n");
	expect_run(path, false, "show fob", RRCTL_USAGE, "", "rrctl: unknown command");
	expect_run(path, false, "show ranges", RRCTL_REFUSED, "", "unknown command \"show ranges\"");
	control_server_free(server);
	server = NULL;
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	io_loop_free(loop);
	rmdir(dir);
}

/* As one that is stopped: the kernel takes connections and requests for it, and nobody reads them. */
static void a_daemon_that_is_silent_costs_the_time_that_was_given(void **state)
{
	char dir[] = "/tmp/rrd-test-rrctl-XXXXXX";
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), queued;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/sock", dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 8), 0);
	expect_within(1, at.sun_path, false, "show status", RRCTL_SILENT, "",
		"does not answer: nothing came for 1 s. Its process is there, but stopped or stuck (-t "
		"SECONDS waits "
		"longer)\n");
	/* A watch would be silent for ever anyway. */
	expect_within(1, at.sun_path, false, "watch neighbors", RRCTL_SILENT, "", "does not answer");
	/* When its queue is full, connecting waits. */
	assert_int_equal(listen(fd, 0), 0);
	queued = io_unix_connect_within(at.sun_path, 1);
	expect_within(1, at.sun_path, false, "show status", RRCTL_SILENT, "",
		"does not answer: nothing came for 1 s");
	if (queued >= 0)
		close(queued);
	close(fd);
	unlink(at.sun_path);
	rmdir(dir);
}

static void a_daemon_that_dies_in_its_answer_is_unreachable(void **state)
{
	char dir[] = "/tmp/rrd-test-rrctl-XXXXXX", path[64], err[256];
	struct io_loop *loop = io_loop_new();
	struct control_server *server;
	pid_t pid;
	int fds[2];
	char c;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		alarm(20);
		server = serve_at(loop, path, daemon_commands, daemon_handlers, NULL, err);
		if (server && write(fds[1], "r", 1) == 1)
			io_loop_run(loop);
		_exit(0);
	}
	assert_int_equal(read(fds[0], &c, 1), 1);
	expect_run(path, false, "show status", RRCTL_UNREACHABLE, "", "lost rrd at ");
	waitpid(pid, NULL, 0);
	io_loop_free(loop);
	unlink(path);
	rmdir(dir);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbors_stand_in_columns),
		cmocka_unit_test(how_much_more_there_is_stands_below_the_table),
		cmocka_unit_test(a_prefix_is_printed_on_its_first_path_only),
		cmocka_unit_test(from_whom_a_path_is_stays_where_the_terminal_is_narrow),
		cmocka_unit_test(the_reason_of_a_path_is_the_last_column),
		cmocka_unit_test(a_kernel_route_has_a_line_per_next_hop),
		cmocka_unit_test(a_table_without_rows_has_headers),
		cmocka_unit_test(free_text_is_cut_to_fit_the_terminal_and_only_then),
		cmocka_unit_test(rows_beyond_the_first_hundreds_keep_the_columns_and_are_all_there),
		cmocka_unit_test(what_steers_a_terminal_is_not_printed),
		cmocka_unit_test(a_cell_is_cut_between_characters),
		cmocka_unit_test(a_status_is_in_words),
		cmocka_unit_test(a_sheet_shows_every_level_and_no_empty_value),
		cmocka_unit_test(words_may_be_shortened_while_one_command_remains),
		cmocka_unit_test(what_is_not_understood_is_said_with_what_would_be),
		cmocka_unit_test(the_help_names_every_command),
		cmocka_unit_test(the_exit_code_tells_who_said_no),
		cmocka_unit_test(a_daemon_that_is_silent_costs_the_time_that_was_given),
		cmocka_unit_test(a_daemon_that_dies_in_its_answer_is_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
