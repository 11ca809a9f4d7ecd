/*
 * The facade against a real kernel: everything that can be said of a service and of a server arrives there, as ipvsadm(8) reads it;
 * adoption, drift, services of others, and what is ours after a restart. In a network namespace of this program's own;
 * skipped where there is no IPVS.
 */
#include "lab.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define VIP	 "10.9.9.9"
#define VIP6	 "2001:db8:9::9"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct ipvs_config config = { .mh_table_size = 4093 };

static int clear(void **state)
{
	(void)state;
	lab_sh("ipvsadm -C");
	return 0;
}

/* --- all that can be said --- */

struct look {
	const char *scheduler;
	uint32_t flags;
	const char *text;
};

static const struct look looks[] = {
	{ "rr", 0, "rr" },
	{ "wrr", 0, "wrr" },
	{ "lc", 0, "lc" },
	{ "wlc", 0, "wlc" },
	{ "lblc", 0, "lblc" },
	{ "lblcr", 0, "lblcr" },
	{ "dh", 0, "dh" },
	{ "sh", 0, "sh" },
	{ "sh", IPVS_SCHED_1, "sh -b sh-fallback" },
	{ "sh", IPVS_SCHED_1 | IPVS_SCHED_2, "sh -b sh-fallback,sh-port" },
	{ "sed", 0, "sed" },
	{ "nq", 0, "nq" },
	{ "fo", 0, "fo" },
	{ "ovf", 0, "ovf" },
	{ "mh", 0, "mh" },
	{ "mh", IPVS_SCHED_2, "mh -b mh-port" },
	{ "mh", IPVS_SCHED_1 | IPVS_SCHED_2, "mh -b mh-fallback,mh-port" },
	{ "twos", 0, "twos" },
};

static const struct ipvs_key *watched;

static bool watched_settled_or_failed(struct lab *l)
{
	struct ipvs_view v;

	ipvs_view(l->ipvs, watched, &v);
	return v.settled || v.error[0];
}

/* One service goes through all schedulers by changes in place; one that this kernel lacks is told with what to do. */
static void schedulers(void **state)
{
	struct ipvs_wish_dest d[] = { value_nth(0), value_nth(1) };
	struct ipvs_service s = value_service(IPPROTO_TCP, VIP, 80, "rr");
	unsigned offered = 0;
	struct ipvs_view v;
	struct lab l;

	(void)state;
	lab_start(&l, &config);
	watched = &s.key;
	for (size_t i = 0; i < COUNT(looks); i++) {
		char want[512];

		snprintf(s.scheduler, sizeof(s.scheduler), "%s", looks[i].scheduler);
		s.flags = looks[i].flags;
		lab_set(&l, &s, d, COUNT(d));
		lab_wait(&l, watched_settled_or_failed);
		ipvs_view(l.ipvs, &s.key, &v);
		if (v.error[0]) {
			snprintf(want, sizeof(want), "modprobe ip_vs_%s", s.scheduler);
			assert_non_null(strstr(v.error, want));
			continue;
		}
		offered++;
		snprintf(want, sizeof(want),
			"-A -t " VIP ":80 -s %s\n"
			"-a -t " VIP ":80 -r 10.8.1.1:80 -g -w 1\n"
			"-a -t " VIP ":80 -r 10.8.1.2:80 -g -w 1\n",
			looks[i].text);
		lab_expect(want);
	}
	printf("# %u of %zu schedulers and flags\n", offered, COUNT(looks));
	assert_true(offered >= 3);
	lab_stop(&l);
}

/* Every protocol and family, persistence and one-packet. */
static void services(void **state)
{
	struct ipvs_service s[9];
	struct lab l;

	(void)state;
	s[0] = value_service(IPPROTO_TCP, VIP, 80, "rr");
	s[1] = value_service(IPPROTO_UDP, VIP, 53, "rr");
	s[1].flags = IPVS_ONE_PACKET;
	s[2] = value_service(IPPROTO_SCTP, VIP, 5000, "rr");
	s[3] = value_service(IPPROTO_TCP, VIP, 0, "rr"); /* all ports */
	s[3].flags = IPVS_PERSISTENT;
	s[3].persistence_s = 300;
	s[3].persistence_len = 24;
	s[4] = value_service(IPPROTO_TCP, VIP6, 443, "rr");
	s[4].flags = IPVS_PERSISTENT;
	s[4].persistence_s = 100;
	s[4].persistence_len = 64;
	s[5] = value_service(IPPROTO_TCP, VIP, 443, "rr");
	s[5].flags = IPVS_PERSISTENT;
	s[5].persistence_s = 60;
	s[6] = (struct ipvs_service){ .key = { .family = IP_V4, .mark = 7 }, .scheduler = "wrr" };
	s[7] = (struct ipvs_service){ .key = { .family = IP_V6, .mark = 7 }, .scheduler = "wrr" };
	s[8] = value_service(IPPROTO_UDP, VIP, 5060, "rr");
	s[8].flags = IPVS_PERSISTENT | IPVS_ONE_PACKET;
	s[8].persistence_s = 100;
	strcpy(s[8].engine, "sip");
	lab_start(&l, &config);
	for (size_t i = 0; i < COUNT(s); i++)
		lab_set(&l, &s[i], NULL, 0);
	lab_wait(&l, lab_settled);
	lab_expect("-A -t " VIP ":0 -s rr -p 300 -M 255.255.255.0\n"
		   "-A -t " VIP ":80 -s rr\n"
		   "-A -t " VIP ":443 -s rr -p 60\n"
		   "-A -u " VIP ":53 -s rr -o\n"
		   "-A -u " VIP ":5060 -s rr -p 100 --pe sip -o\n"
		   "-A --sctp-service " VIP ":5000 -s rr\n"
		   "-A -t [" VIP6 "]:443 -s rr -p 100 -M 64\n"
		   "-A -f 7 -s wrr\n"
		   "-A -f 7 -6 -s wrr\n");
	/* Read back, all is as wished: nothing is written. */
	lab_stop(&l);
	unsigned before = lab_writes();
	lab_start(&l, &config);
	for (size_t i = 0; i < COUNT(s); i++)
		lab_set(&l, &s[i], NULL, 0);
	lab_wait(&l, lab_settled);
	assert_int_equal(before, lab_writes());
	/* Changed in place. */
	s[3].persistence_len = 0;
	s[4].flags = s[4].persistence_s = s[4].persistence_len = 0;
	s[1].flags = 0;
	for (size_t i = 0; i < COUNT(s); i++)
		lab_set(&l, &s[i], NULL, 0);
	lab_wait(&l, lab_settled);
	assert_int_equal(before + 3, lab_writes());
	char *now = lab_output("ipvsadm -Sn");
	assert_non_null(strstr(now, "-A -t " VIP ":0 -s rr -p 300\n"));
	assert_non_null(strstr(now, "-A -t [" VIP6 "]:443 -s rr\n"));
	assert_non_null(strstr(now, "-A -u " VIP ":53 -s rr\n"));
	free(now);
	/* And away. */
	for (size_t i = 0; i < COUNT(s); i++)
		ipvs_unset(l.ipvs, &s[i].key);
	lab_wait(&l, lab_settled);
	lab_expect("");
	lab_stop(&l);
}

/* Every way of forwarding, both families and mixed ones, thresholds; then each changed into another. */
static void servers(void **state)
{
	struct ipvs_service s = value_service(IPPROTO_TCP, VIP, 80, "wlc");
	struct ipvs_wish_dest d[8];
	struct lab l;

	(void)state;
	d[0] = value_dest("10.8.0.2", 8080, IPVS_NAT, 1);
	d[1] = value_dest("10.8.0.3", 80, IPVS_DR, 65535);
	d[2] = value_dest("10.8.0.4", 80, IPVS_TUN, 3);
	d[3] = value_dest("10.8.0.5", 80, IPVS_TUN, 1);
	d[3].dest.tunnel = IPVS_GUE;
	d[3].dest.tunnel_port = 5555;
	d[3].dest.tunnel_flags = IPVS_TUNNEL_REMCSUM;
	d[4] = value_dest("10.8.0.6", 80, IPVS_TUN, 1);
	d[4].dest.tunnel = IPVS_GRE;
	d[4].dest.tunnel_flags = IPVS_TUNNEL_CSUM;
	d[5] = value_dest("10.8.0.7", 80, IPVS_DR, 0);
	d[6] = value_dest("2001:db8:8::7", 80, IPVS_TUN, 2);
	d[7] = value_dest("10.8.0.8", 80, IPVS_DR, 1);
	d[7].dest.upper_threshold = 1000;
	d[7].dest.lower_threshold = 900;
	lab_start(&l, &config);
	lab_set(&l, &s, d, COUNT(d));
	lab_wait(&l, lab_settled);
	lab_expect("-A -t " VIP ":80 -s wlc\n"
		   "-a -t " VIP ":80 -r 10.8.0.2:8080 -m -w 1\n"
		   "-a -t " VIP ":80 -r 10.8.0.3:80 -g -w 65535\n"
		   "-a -t " VIP ":80 -r 10.8.0.4:80 -i -w 3 --tun-type ipip\n"
		   "-a -t " VIP ":80 -r 10.8.0.5:80 -i -w 1 --tun-type gue --tun-port 5555 --tun-remcsum\n"
		   "-a -t " VIP ":80 -r 10.8.0.6:80 -i -w 1 --tun-type gre --tun-csum\n"
		   "-a -t " VIP ":80 -r 10.8.0.7:80 -g -w 0\n"
		   "-a -t " VIP ":80 -r 10.8.0.8:80 -g -w 1\n"
		   "-a -t " VIP ":80 -r [2001:db8:8::7]:80 -i -w 2 --tun-type ipip\n");
	char *limits = lab_output("ipvsadm -Ln --thresholds | grep -c '10.8.0.8:80 *1000 *900 '");
	assert_string_equal("1\n", limits);
	free(limits);
	/* What they are now, in place: nothing is deleted or added. */
	unsigned before = lab_writes();
	d[0].dest.forward = IPVS_DR;
	d[3].dest.tunnel_port = 6666;
	d[4].dest.tunnel = IPVS_IPIP;
	d[4].dest.tunnel_flags = 0;
	d[5].dest.weight = 9;
	d[7].dest.lower_threshold = 800;
	lab_set(&l, &s, d, COUNT(d));
	lab_wait(&l, lab_settled);
	assert_int_equal(before + 5, lab_writes());
	char *now = lab_output("ipvsadm -Sn");
	assert_non_null(strstr(now, "10.8.0.2:8080 -g -w 1"));
	assert_non_null(strstr(now, "gue --tun-port 6666 --tun-remcsum"));
	assert_non_null(strstr(now, "10.8.0.6:80 -i -w 1 --tun-type ipip"));
	assert_non_null(strstr(now, "10.8.0.7:80 -g -w 9"));
	free(now);
	lab_stop(&l);
}

static void ipv6_servers(void **state)
{
	struct ipvs_service s = value_service(IPPROTO_UDP, VIP6, 53, "rr");
	struct ipvs_wish_dest d[] = { value_dest("2001:db8:8::2", 53, IPVS_NAT, 1),
		value_dest("2001:db8:8::3", 53, IPVS_DR, 2), value_dest("10.8.0.4", 53, IPVS_TUN, 3) };
	struct lab l;

	(void)state;
	lab_start(&l, &config);
	lab_set(&l, &s, d, COUNT(d));
	lab_wait(&l, lab_settled);
	lab_expect("-A -u [" VIP6 "]:53 -s rr\n"
		   "-a -u [" VIP6 "]:53 -r 10.8.0.4:53 -i -w 3 --tun-type ipip\n"
		   "-a -u [" VIP6 "]:53 -r [2001:db8:8::2]:53 -m -w 1\n"
		   "-a -u [" VIP6 "]:53 -r [2001:db8:8::3]:53 -g -w 2\n");
	lab_stop(&l);
}

static void timeouts(void **state)
{
	struct lab l;
	char *now;

	(void)state;
	lab_start(&l, &config);
	assert_int_equal(0, ipvs_set_timeouts(l.ipvs, 1000, 0, 33));
	now = lab_output("ipvsadm -L --timeout");
	assert_string_equal("Timeout (tcp tcpfin udp): 1000 120 33\n", now);
	free(now);
	lab_stop(&l);
}

/* A health check that is a command must not hold our socket open. */
static void nothing_is_inherited(void **state)
{
	struct lab l;

	(void)state;
	lab_start(&l, &config);
	for (int fd = 3; fd < 64; fd++)
		assert_true(fcntl(fd, F_GETFD) < 0 || fcntl(fd, F_GETFD) & FD_CLOEXEC);
	lab_stop(&l);
}

/* --- restarts --- */

/* Weights of 0 under mh too: who is drained stays drained, and is not raised for a moment. */
static void a_restart_with_the_same_wishes_writes_nothing(void **state)
{
	struct ipvs_service s = value_service(IPPROTO_TCP, VIP, 80, "mh");
	struct ipvs_config cfg = config;
	struct ipvs_wish_dest d[20];
	uint64_t fingerprint;
	struct ipvs_view v;
	unsigned before;
	struct lab l;

	(void)state;
	cfg.state_path = "/tmp/test_ipvs_kernel.state";
	unlink(cfg.state_path);
	s.flags = IPVS_SCHED_1 | IPVS_SCHED_2;
	for (unsigned i = 0; i < COUNT(d); i++) {
		d[i] = value_nth(i);
		d[i].full_weight = 10;
		d[i].dest.weight = i % 5 ? 10 : 0;
	}
	lab_start(&l, &cfg);
	lab_set(&l, &s, d, COUNT(d));
	lab_wait(&l, lab_settled);
	ipvs_view(l.ipvs, &s.key, &v);
	fingerprint = v.fingerprint;
	lab_stop(&l);

	before = lab_writes();
	lab_start(&l, &cfg);
	ipvs_view(l.ipvs, &s.key, &v);
	assert_true(v.known && v.present && !v.settled);
	assert_int_equal(COUNT(d), v.count);
	lab_set(&l, &s, d, COUNT(d));
	ipvs_wishes_complete(l.ipvs);
	lab_wait(&l, lab_settled);
	ipvs_view(l.ipvs, &s.key, &v);
	assert_int_equal(before, lab_writes());
	assert_true(v.settled && v.ordered && v.repairs == 0);
	assert_true(v.fingerprint == fingerprint);
	lab_stop(&l);
	unlink(cfg.state_path);
}

static const struct ipvs_service *counted;
static unsigned ours_seen, foreign_seen;

static void tally(void *user, const struct ipvs_service *s, bool ours)
{
	(void)user;
	(void)s;
	*(ours ? &ours_seen : &foreign_seen) += 1;
}

static bool one_service_left(struct lab *l)
{
	ours_seen = foreign_seen = 0;
	ipvs_each(l->ipvs, tally, NULL);
	return ours_seen + foreign_seen == 1;
}

/* What an earlier life made and nobody wishes for goes; what others made stays, wished or not. */
static void the_state_file_says_what_is_ours(void **state)
{
	struct ipvs_service a = value_service(IPPROTO_TCP, VIP, 80, "rr"),
			    b = value_service(IPPROTO_TCP, VIP6, 81, "rr"),
			    m = { .key = { .family = IP_V6, .mark = 9 }, .scheduler = "rr" };
	struct ipvs_wish_dest d = value_nth(0), d6 = value_dest("2001:db8:8::2", 80, IPVS_DR, 1);
	struct ipvs_config cfg = config;
	struct lab l;

	(void)state;
	cfg.state_path = "/tmp/test_ipvs_kernel.state";
	unlink(cfg.state_path);
	lab_sh("ipvsadm -A -t " VIP ":99 -s rr && ipvsadm -a -t " VIP ":99 -r 10.8.0.99 -g");
	lab_start(&l, &cfg);
	lab_set(&l, &a, &d, 1);
	lab_set(&l, &b, &d6, 1);
	lab_set(&l, &m, NULL, 0);
	lab_wait(&l, lab_settled);
	lab_stop(&l);

	lab_start(&l, &cfg);
	/* Before all wishes are in, nothing that was left behind goes. */
	lab_run(&l, 30);
	one_service_left(&l);
	assert_int_equal(3, ours_seen);
	assert_int_equal(1, foreign_seen);
	ipvs_wishes_complete(l.ipvs);
	lab_wait(&l, one_service_left);
	lab_wait(&l, lab_settled);
	lab_expect("-A -t " VIP ":99 -s rr\n-a -t " VIP ":99 -r 10.8.0.99:99 -g -w 1\n");
	/* To say that it shall go does not make it ours. */
	struct ipvs_key others = value_service(IPPROTO_TCP, VIP, 99, "rr").key;
	ipvs_unset(l.ipvs, &others);
	lab_run(&l, 30);
	lab_expect("-A -t " VIP ":99 -s rr\n-a -t " VIP ":99 -r 10.8.0.99:99 -g -w 1\n");
	lab_stop(&l);
	/* The file is up to date: nothing is ours now. */
	char *text = lab_output("grep -vc ^boot %s", cfg.state_path);
	assert_string_equal("0\n", text);
	free(text);
	unlink(cfg.state_path);
}

/* --- others --- */

static struct ipvs_wish_dest three[3];

static bool mended(struct lab *l)
{
	struct ipvs_view v;

	ipvs_count(l->ipvs, &counted->key);
	ipvs_view(l->ipvs, &counted->key, &v);
	return v.repairs >= 4 && v.settled;
}

/* Each kind of change by somebody else is undone; what they have beside ours is left alone. */
static void drift_is_repaired(void **state)
{
	struct ipvs_service s = value_service(IPPROTO_TCP, VIP, 80, "wlc");
	const char *right = "-A -t " VIP ":80 -s wlc\n"
			    "-a -t " VIP ":80 -r 10.8.1.1:80 -g -w 1\n"
			    "-a -t " VIP ":80 -r 10.8.1.2:80 -g -w 1\n"
			    "-a -t " VIP ":80 -r 10.8.1.3:80 -g -w 1\n"
			    "-A -t " VIP ":99 -s rr\n";
	struct ipvs_view v;
	struct lab l;

	(void)state;
	counted = &s;
	for (unsigned i = 0; i < 3; i++)
		three[i] = value_nth(i);
	lab_start(&l, &config);
	lab_set(&l, &s, three, 3);
	lab_wait(&l, lab_settled);
	lab_sh("ipvsadm -A -t " VIP ":99 -s rr");
	lab_sh("ipvsadm -E -t " VIP ":80 -s rr");
	lab_sh("ipvsadm -d -t " VIP ":80 -r 10.8.1.1");
	lab_sh("ipvsadm -e -t " VIP ":80 -r 10.8.1.2 -m -w 7");
	lab_sh("ipvsadm -a -t " VIP ":80 -r 10.8.1.9 -g");
	lab_wait(&l, mended);
	lab_expect(right);
	ipvs_view(l.ipvs, &s.key, &v);
	assert_int_equal(4, v.repairs);
	lab_stop(&l);
}

static bool is_there(struct lab *l)
{
	struct ipvs_view v;

	ipvs_view(l->ipvs, &counted->key, &v);
	return v.repairs >= 4 && v.settled;
}

/* The comparison finds it by itself, also a flush. */
static void a_flush_is_repaired_by_the_comparison(void **state)
{
	struct ipvs_service s = value_service(IPPROTO_TCP, VIP, 80, "mh");
	struct ipvs_config cfg = config;
	struct lab l;

	(void)state;
	counted = &s;
	cfg.compare_s = 1;
	for (unsigned i = 0; i < 3; i++)
		three[i] = value_nth(i);
	lab_start(&l, &cfg);
	lab_set(&l, &s, three, 3);
	lab_wait(&l, lab_settled);
	lab_sh("ipvsadm -C");
	lab_wait(&l, is_there);
	lab_expect("-A -t " VIP ":80 -s mh\n"
		   "-a -t " VIP ":80 -r 10.8.1.1:80 -g -w 1\n"
		   "-a -t " VIP ":80 -r 10.8.1.2:80 -g -w 1\n"
		   "-a -t " VIP ":80 -r 10.8.1.3:80 -g -w 1\n");
	lab_stop(&l);
}

/* Somebody else was faster with the same, and with another server in it: adopted, and put right. */
static void a_service_that_appears_meanwhile_is_adopted(void **state)
{
	struct ipvs_service s = value_service(IPPROTO_TCP, VIP, 80, "wlc");
	struct lab l;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		three[i] = value_nth(i);
	lab_start(&l, &config);
	lab_sh("ipvsadm -A -t " VIP ":80 -s rr && ipvsadm -a -t " VIP ":80 -r 10.8.1.2 -m && "
	       "ipvsadm -a -t " VIP ":80 -r 10.8.1.9 -m");
	lab_set(&l, &s, three, 2);
	lab_wait(&l, lab_settled);
	lab_expect("-A -t " VIP ":80 -s wlc\n"
		   "-a -t " VIP ":80 -r 10.8.1.1:80 -g -w 1\n"
		   "-a -t " VIP ":80 -r 10.8.1.2:80 -g -w 1\n");
	lab_stop(&l);
}

static bool has_error(struct lab *l)
{
	struct ipvs_view v;

	ipvs_view(l->ipvs, &counted->key, &v);
	return v.error[0];
}

/* One operation that is refused stops no other, is told, and is over when the wish is. */
static void a_refused_server_stops_nobody(void **state)
{
	struct ipvs_service s = value_service(IPPROTO_TCP, VIP, 80, "rr");
	struct ipvs_wish_dest d[3] = { value_nth(0), value_nth(1), value_nth(2) };
	struct ipvs_view v;
	struct lab l;

	(void)state;
	counted = &s;
	d[1].dest.lower_threshold = 10; /* above the upper one */
	lab_start(&l, &config);
	lab_set(&l, &s, d, 3);
	lab_wait(&l, has_error);
	ipvs_view(l.ipvs, &s.key, &v);
	assert_string_equal(
		"cannot add 10.8.1.2:80: the weight is below 0, or the lower threshold above the upper",
		v.error);
	lab_expect("-A -t " VIP ":80 -s rr\n"
		   "-a -t " VIP ":80 -r 10.8.1.1:80 -g -w 1\n"
		   "-a -t " VIP ":80 -r 10.8.1.3:80 -g -w 1\n");
	assert_false(ipvs_settled(l.ipvs));
	d[1].dest.upper_threshold = 20;
	lab_set(&l, &s, d, 3);
	lab_wait(&l, lab_settled);
	ipvs_view(l.ipvs, &s.key, &v);
	assert_string_equal("", v.error);
	assert_int_equal(3, v.count);
	lab_stop(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(schedulers, clear),
		cmocka_unit_test_setup(services, clear),
		cmocka_unit_test_setup(servers, clear),
		cmocka_unit_test_setup(ipv6_servers, clear),
		cmocka_unit_test_setup(timeouts, clear),
		cmocka_unit_test_setup(nothing_is_inherited, clear),
		cmocka_unit_test_setup(a_restart_with_the_same_wishes_writes_nothing, clear),
		cmocka_unit_test_setup(the_state_file_says_what_is_ours, clear),
		cmocka_unit_test_setup(drift_is_repaired, clear),
		cmocka_unit_test_setup(a_flush_is_repaired_by_the_comparison, clear),
		cmocka_unit_test_setup(a_service_that_appears_meanwhile_is_adopted, clear),
		cmocka_unit_test_setup(a_refused_server_stops_nobody, clear),
	};

	if (!lab_enter())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
