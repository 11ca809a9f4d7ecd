/* What is asked of lb-ipvs-agent, and how its rows look. */
#include "unit/rrctl/support.h"

static const enum target RRD = TARGET_RRD, ANN = TARGET_ANNOUNCER, AGENT = TARGET_AGENT;

static void what_words_mean_depends_on_the_daemon(void **state)
{
	(void)state;
	expect_parse(ANN, "drain 60", "{\"command\":\"drain\",\"time-s\":60}");
	expect_parse(AGENT, "drain web-1", "{\"command\":\"drain\",\"server\":\"web-1\"}");
	expect_parse(
		AGENT, "drain 10.0.0.1 60", "{\"command\":\"drain\",\"server\":\"10.0.0.1\",\"time-s\":60}");
	expect_parse(AGENT, "drain", "usage: rrctl -i drain SERVER [SECONDS] [service SERVICE]");
	expect_parse(ANN, "drain web-1", "\"web-1\" is not a time: expected whole seconds");
	expect_parse(AGENT, "log everything",
		"unknown command \"log everything\"; behind \"log\" may stand: level");
	expect_parse(AGENT, "sh ser", "could be \"show services\" or \"show servers\": write more of it");
	expect_parse(AGENT, "sh server web", "{\"command\":\"show servers\",\"service\":\"web\"}");
	expect_parse(AGENT, "sh servi web", "{\"command\":\"show services\",\"service\":\"web\"}");
	expect_parse(AGENT, "rel", "{\"command\":\"reload\"}");
	expect_parse(AGENT, "w", "{\"command\":\"watch\"}");
	for (int t = 0; t < TARGETS; t++) {
		expect_parse((enum target)t, "sh st", "{\"command\":\"show status\"}");
		expect_parse((enum target)t, "m", "{\"command\":\"metrics\"}");
	}
}

static void a_command_of_another_daemon_is_said_to_be_its(void **state)
{
	(void)state;
	expect_parse(RRD, "show servers", "rrd has no \"show servers\"; ask lb-ipvs-agent (rrctl -i)");
	expect_parse(RRD, "check web-1", "rrd has no \"check\"; ask lb-ipvs-agent (rrctl -i)");
	expect_parse(RRD, "drain 5", "usage: rrctl drain");
	expect_parse(ANN, "show fib", "lb-announcer has no \"show fib\"; ask rrd (rrctl)");
	expect_parse(AGENT, "show neighbors",
		"lb-ipvs-agent has no \"show neighbors\"; ask rrd (rrctl) or lb-announcer (rrctl -a)");
	/* Their own words are meant first, with other arguments or without a meaning. */
	expect_parse(ANN, "show routes 10.1.1.0/24", "usage: rrctl -a show routes");
	expect_parse(AGENT, "show srevers",
		"unknown command \"show srevers\"; did you mean \"show "
		"servers\"?");
}

static void a_server_is_an_address_with_or_without_port_or_a_name(void **state)
{
	static const struct {
		const char *given, *server;
	} good[] = {
		{ "172.16.1.5", "172.16.1.5" },
		{ "172.16.1.5:80", "172.16.1.5:80" },
		{ "2001:DB8:0::1", "2001:db8::1" },
		{ "[2001:DB8:0::1]:8080", "[2001:db8::1]:8080" },
		{ "[::1]", "::1" },
		{ "web-1.default", "web-1.default" },
		{ "17a", "17a" },
	};
	static const char *const bad[] = { "172.16.1.500", "172.16.1.5:", "172.16.1.5:0", "172.16.1.5:65536",
		"172.16.1.5:80x", "172.16.1.5:+80", "2001:db8::1:80:", "[172.16.1.5]:80", "[2001:db8::1]80",
		"[2001:db8::1]:", "[2001:db8::1", "[]:80", "web:80", "17" };
	char line[128], expected[256];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(line, sizeof(line), "check %s", good[i].given);
		snprintf(expected, sizeof(expected), "{\"command\":\"check\",\"server\":\"%s\"}",
			good[i].server);
		expect_parse(AGENT, line, expected);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "undrain %s", bad[i]);
		snprintf(expected, sizeof(expected),
			"\"%s\" is not a server, such as 172.16.1.5, 172.16.1.5:80, [2001:db8::1]:80 or a "
			"name",
			bad[i]);
		expect_parse(AGENT, line, expected);
	}
}

static void a_server_of_one_service_is_named_with_it(void **state)
{
	(void)state;
	expect_parse(AGENT, "drain web-1 60 service web",
		"{\"command\":\"drain\",\"server\":\"web-1\",\"time-s\":60,\"service\":\"web\"}");
	expect_parse(AGENT, "drain web-1 ser TCP 10.1.1.1:80",
		"{\"command\":\"drain\",\"server\":\"web-1\",\"service\":\"TCP 10.1.1.1:80\"}");
	expect_parse(AGENT, "undrain ::1 s web",
		"{\"command\":\"undrain\",\"server\":\"::1\",\"service\":\"web\"}");
	expect_parse(AGENT, "check web-1 service web",
		"{\"command\":\"check\",\"server\":\"web-1\",\"service\":\"web\"}");
	expect_parse(
		AGENT, "show table mark 7 IPv4", "{\"command\":\"show table\",\"service\":\"mark 7 IPv4\"}");
	expect_parse(AGENT, "drain web-1 5s", "\"5s\" is not a time: expected whole seconds");
	expect_parse(AGENT, "drain web-1 -5", "\"-5\" is not a time: expected whole seconds");
	expect_parse(AGENT, "drain web-1 web", "\"web\" is not understood here; only \"service NAME\" is");
	expect_parse(AGENT, "drain web-1 60 60", "\"60\" is not understood here; only \"service NAME\" is");
	expect_parse(AGENT, "drain web-1 service", "which service? service NAME; see show services");
}

/* --- tables --- */

static const char *const services[] = {
	"{\"service\":\"web\",\"key\":\"TCP 10.1.1.1:80\",\"scheduler\":\"mh\",\"flags\":[\"mh-port\",\"mh-"
	"fallback\"],\"forward\":\"tun\",\"servers\":4,\"up\":3,\"draining\":1,\"down\":0,\"active\":1234,"
	"\"inactive\":56,\"connections\":1234567,\"packets-in\":99999999,\"octets-in\":12345678901,"
	"\"packets-out\":0,\"octets-out\":0,\"settled\":true,\"ordered\":false,\"fingerprint\":\"0011223344"
	"556677\",\"moved-percent\":24.98,\"source\":\"file /etc/rrd/web.yaml\",\"source-error\":null,"
	"\"error\":\"\"}",
	"{\"service\":\"dns\",\"key\":\"UDP [2001:db8::1]:53\",\"scheduler\":\"rr\",\"flags\":[],"
	"\"forward\":\"nat\",\"servers\":0,\"up\":0,\"draining\":0,\"down\":0,\"active\":0,\"inactive\":0,"
	"\"connections\":0,\"packets-in\":0,\"octets-in\":0,\"packets-out\":0,\"octets-out\":0,"
	"\"settled\":true,\"ordered\":true,\"source\":\"dns web.default.svc\","
	"\"source-error\":\"the resolver is silent\"}",
	NULL,
};

static void services_fit_a_terminal(void **state)
{
	(void)state;
	expect_table(&view_services, 80, services,
		"SERVICE  KEY                   SCHED  FWD  UP   DRAIN  DOWN  ACTIVE   CONNS\n"
		"web      TCP 10.1.1.1:80       mh     tun  3/4      1     0  1.23 k  1.23 M\n"
		"dns      UDP [2001:db8::1]:53  rr     nat  0/0      0     0       0       0\n"
		"    SOURCE-ERROR: the resolver is silent\n");
	expect_table(&view_services, 100, services,
		"SERVICE  KEY                   SCHED  FWD  UP   DRAIN  DOWN  ACTIVE   CONNS       IN  OUT  "
		"SETTLED\n"
		"web      TCP 10.1.1.1:80       mh     tun  3/4      1     0  1.23 k  1.23 M  12.3 GB  0 B  "
		"yes\n"
		"dns      UDP [2001:db8::1]:53  rr     nat  0/0      0     0       0       0      0 B  0 B  "
		"yes\n"
		"    SOURCE-ERROR: the resolver is silent\n");
	expect_table(&view_services, 0, services,
		"SERVICE  KEY                   SCHED  FLAGS                 FWD  UP   DRAIN  DOWN  ACTIVE  "
		"INACT   CONNS  PKTS-IN       IN  PKTS-OUT  OUT  SETTLED  ORDERED  TABLE             MOVED%  "
		"SOURCE                  SOURCE-ERROR            ERROR\n"
		"web      TCP 10.1.1.1:80       mh     mh-port, mh-fallback  tun  3/4      1     0  1.23 k  "
		"   56  1.23 M    100 M  12.3 GB         0  0 B  yes      no       0011223344556677      25  "
		"file /etc/rrd/web.yaml  -                       -\n"
		"dns      UDP [2001:db8::1]:53  rr     -                     nat  0/0      0     0       0  "
		"    0       0        0      0 B         0  0 B  yes      yes      -                      -  "
		"dns web.default.svc     the resolver is silent  -\n");
}

static void servers_stand_under_their_service(void **state)
{
	static const char *const rows[] = {
		"{\"service\":\"web\",\"server\":\"172.16.1.5:80\",\"name\":\"web-1\",\"state\":\"up\","
		"\"since-ms\":61000,\"weight\":1,\"wanted-weight\":1,\"active\":5,\"inactive\":6,"
		"\"connections\":7,\"octets-in\":1500,\"octets-out\":0,\"in-kernel\":true}",
		"{\"service\":\"web\",\"server\":\"172.16.1.6:80\",\"state\":\"draining\",\"reason\":"
		"\"command\",\"since-ms\":1000,\"left-ms\":29000,\"weight\":0,\"wanted-weight\":0,"
		"\"active\":2,\"inactive\":0,\"connections\":9,\"octets-in\":1,\"octets-out\":1,"
		"\"in-kernel\":true}",
		"{\"service\":\"api\",\"server\":\"172.16.1.6:80\",\"state\":\"checking\",\"since-ms\":5,"
		"\"in-kernel\":false}",
		NULL,
	};

	(void)state;
	expect_table(&view_servers, 120, rows,
		"SERVICE  SERVER         NAME   STATE     REASON   SINCE      LEFT  WEIGHT  WANTED  ACTIVE  "
		"INACT  CONNS       IN  OUT\n"
		"web      172.16.1.5:80  web-1  up        -        1 min 1 s  -          1       1       5  "
		"    6      7  1.50 kB  0 B\n"
		"         172.16.1.6:80  -      draining  command  1 s        29 s       0       0       2  "
		"    0      9      1 B  1 B\n"
		"api      172.16.1.6:80  -      checking  -        5 ms       -          -       -       -  "
		"    -      -        -    -\n");
	expect_table(&view_servers, 80, rows,
		"SERVICE  SERVER         STATE     REASON   SINCE      LEFT  WEIGHT  ACTIVE\n"
		"web      172.16.1.5:80  up        -        1 min 1 s  -          1       5\n"
		"         172.16.1.6:80  draining  command  1 s        29 s       0       2\n"
		"api      172.16.1.6:80  checking  -        5 ms       -          -       -\n");
}

static void checks_tell_verdict_and_last_result(void **state)
{
	static const char *const rows[] = {
		"{\"service\":\"web\",\"server\":\"172.16.1.5:80\",\"check\":\"http\",\"type\":\"http\","
		"\"up\":true,\"known\":true,\"last\":\"passed\",\"why\":\"\",\"last-ms\":900,\"duration-us\":"
		"850,\"runs\":12345,\"failures\":0,\"changes\":1,\"next-ms\":1100,\"in-a-row\":0}",
		"{\"service\":\"web\",\"server\":\"172.16.1.5:80\",\"check\":\"tcp\",\"type\":\"tcp\","
		"\"up\":false,\"known\":false,\"runs\":0,\"failures\":0,\"changes\":0,\"next-ms\":300}",
		"{\"service\":\"api\",\"server\":\"172.16.1.5:80\",\"check\":\"http\",\"type\":\"http\","
		"\"up\":false,\"known\":true,\"last\":\"wrong\",\"why\":\"status 503, wanted 200-299\","
		"\"last-ms\":200,\"duration-us\":15300,\"runs\":7,\"failures\":7,\"changes\":0,\"next-ms\":"
		"800,\"in-a-row\":0}",
		NULL,
	};

	(void)state;
	expect_table(&view_checks, 200, rows,
		"SERVICE  SERVER         CHECK  TYPE  STATE   LAST    AGO     TOOK       RUNS  FAILED  "
		"CHANGES  IN-A-ROW  NEXT    WHY\n"
		"web      172.16.1.5:80  http   http  up      passed  900 ms  850 us   12.3 k       0  "
		"      1         0  1 s     -\n"
		"                        tcp    tcp   (down)  -       -       -             0       0  "
		"      0         -  300 ms  -\n"
		"api      172.16.1.5:80  http   http  down    wrong   200 ms  15.3 ms       7       7  "
		"      0         0  800 ms  status 503, wanted 200-299\n");
}

static void the_schedulers_table_has_its_name_once(void **state)
{
	static const char *const rows[] = {
		"{\"service\":\"web\",\"fingerprint\":\"00000000deadbeef\",\"slots\":4093,\"moved-percent\":"
		"33.3333,\"ordered\":true,\"server\":\"172.16.1.5:80\",\"share-percent\":50.0122,\"slot-"
		"count\":"
		"2047,\"weight\":1}",
		"{\"service\":\"web\",\"fingerprint\":\"00000000deadbeef\",\"slots\":4093,\"moved-percent\":"
		"33.3333,\"ordered\":true,\"server\":\"172.16.1.6:80\",\"share-percent\":49.9878,\"slot-"
		"count\":"
		"2046,\"weight\":1}",
		"{\"service\":\"api\",\"fingerprint\":\"00000000deadbeef\",\"slots\":4093,\"moved-percent\":"
		"0,"
		"\"ordered\":true,\"server\":\"172.16.1.6:80\",\"share-percent\":100,\"slot-count\":4093,"
		"\"weight\":1}",
		NULL,
	};

	(void)state;
	expect_table(&view_table, 0, rows,
		"SERVICE  FINGERPRINT       SLOTS  MOVED%  ORDERED  SERVER         WEIGHT  OF-SLOTS  SHARE%\n"
		"web      00000000deadbeef   4093    33.3  yes      172.16.1.5:80       1      2047      50\n"
		"                                                   172.16.1.6:80       1      2046      50\n"
		"api      00000000deadbeef   4093       0  yes      172.16.1.6:80       1      4093     "
		"100\n");
}

static void sources_tell_since_when_and_what_is_wrong(void **state)
{
	static const char *const rows[] = {
		"{\"service\":\"web\",\"source\":\"file /etc/rrd/web.yaml\",\"told\":true,\"servers\":4,"
		"\"changes\":2,\"failures\":1,\"error\":\"/etc/rrd/web.yaml:7:3: not an "
		"address\",\"since-ms\":"
		"7200000}",
		"{\"service\":\"dns\",\"source\":\"static\",\"told\":true,\"servers\":1,\"changes\":1,"
		"\"failures\":0,\"error\":\"\",\"since-ms\":7200000}",
		NULL,
	};

	static const char *const kubernetes[] = {
		"{\"service\":\"web\",\"source\":\"kubernetes shop/web\",\"told\":true,\"servers\":4,"
		"\"changes\":1,\"failures\":0,\"error\":\"\",\"since-ms\":7200000,\"watch\":\"watching\","
		"\"heard-ms\":12000}",
		"{\"service\":\"api\",\"source\":\"kubernetes api\",\"told\":false,\"servers\":0,"
		"\"changes\":0,\"failures\":7,\"error\":\"the API answers 403\","
		"\"watch\":\"waiting to watch\"}",
		NULL,
	};

	(void)state;
	expect_table(&view_sources, 0, rows,
		"SERVICE  SOURCE                  TOLD  SERVERS  SINCE      WATCH  HEARD  CHANGES  FAILURES  "
		"ERROR\n"
		"web      file /etc/rrd/web.yaml  yes         4  2 h 0 min  -      -            2         1  "
		"/etc/rrd/web.yaml:7:3: not an address\n"
		"dns      static                  yes         1  2 h 0 min  -      -            1         0  "
		"-\n");
	expect_table(&view_sources, 0, kubernetes,
		"SERVICE  SOURCE               TOLD  SERVERS  SINCE      WATCH             HEARD  CHANGES  "
		"FAILURES  "
		"ERROR\n"
		"web      kubernetes shop/web  yes         4  2 h 0 min  watching          12 s         1    "
		"     0  "
		"-\n"
		"api      kubernetes api       no          0  -          waiting to watch  -            0    "
		"     7  "
		"the API answers 403\n");
	expect_table(&view_sources, 70, rows + 1,
		"SERVICE  SOURCE  TOLD  SERVERS  SINCE      CHANGES  FAILURES\n"
		"dns      static  yes         1  2 h 0 min        1         0\n");
}

/* A row that comes later may have what the first hundreds had not. */
static void a_table_that_goes_on_keeps_its_rare_columns(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct table *t = table_new(out, &view_sources, 200);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct row *r = row_new();

		row_printf(r, "service", "s%d", i);
		row_text(r, "error", i == 999 ? "bad" : "");
		table_add(t, r);
		row_free(r);
	}
	table_end(t);
	table_free(t);
	fclose(out);
	assert_non_null(strstr(text, "bad\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_words_mean_depends_on_the_daemon),
		cmocka_unit_test(a_command_of_another_daemon_is_said_to_be_its),
		cmocka_unit_test(a_server_is_an_address_with_or_without_port_or_a_name),
		cmocka_unit_test(a_server_of_one_service_is_named_with_it),
		cmocka_unit_test(services_fit_a_terminal),
		cmocka_unit_test(servers_stand_under_their_service),
		cmocka_unit_test(checks_tell_verdict_and_last_result),
		cmocka_unit_test(the_schedulers_table_has_its_name_once),
		cmocka_unit_test(sources_tell_since_when_and_what_is_wrong),
		cmocka_unit_test(a_table_that_goes_on_keeps_its_rare_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
