/*
 * Runs the agent's own health checks against many addresses of 127.0.0.0/8 for some seconds, either paced (each once in the
 * interval, spread as the agent spreads them) or as fast as they go, and prints what it cost, as one JSON object.
 * The CPU time is this process's: checks, loop and what the kernel does on its behalf, but not the server's.
 */
#include "check/check.h"
#include "check/health.h"
#include "base/hash.h"

#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WARM_UP_US = 1000000, DURATIONS_MAX = 4000000, FIRST_ADDRESS = 0x7f010001, UDP_ADDRESS = 0x7f000001 };

struct bench;

struct probe {
	struct bench *bench;
	struct check *check;
	struct io_timer *timer;
	uint32_t phase;
};

struct bench {
	struct check_env env;
	struct config_check cfg;
	struct probe *probe;
	unsigned count, flight, seconds;
	uint16_t port;
	bool measuring, over;
	uint64_t began_us, ended_us;
	struct rusage began, ended, children_began, children_ended;
	uint64_t passed, failed, missed; /* missed: the one before was still under way */
	char why[CHECK_WHY_MAX];
	uint32_t *duration_us;
	size_t durations;
};

static void told(void *user, const struct check_result *r)
{
	struct probe *p = user;
	struct bench *b = p->bench;

	if (b->measuring) {
		*(r->outcome == CHECK_PASSED ? &b->passed : &b->failed) += 1;
		if (r->outcome != CHECK_PASSED)
			memcpy(b->why, r->why, sizeof(b->why));
		if (b->durations < DURATIONS_MAX)
			b->duration_us[b->durations++] = (uint32_t)r->duration_us;
	}
	if (b->flight && !b->over)
		check_start(p->check);
}

static void due(void *user)
{
	struct probe *p = user;
	struct bench *b = p->bench;
	uint64_t interval_us = b->cfg.interval_ms * UINT64_C(1000);

	if (!check_running(p->check))
		check_start(p->check);
	else
		b->missed++;
	io_timer_set(p->timer, health_next_us(p->phase, interval_us, io_loop_now_us(b->env.loop)));
}

static void probe_init(struct bench *b, struct probe *p, unsigned i)
{
	/* The UDP server answers from the one address. */
	uint32_t address = b->cfg.type == CONFIG_CHECK_UDP ? UDP_ADDRESS : FIRST_ADDRESS + i;
	struct check_target t = {
		.addr = ip_addr_v4(address), .port = b->port, .service = "bench", .server_port = b->port
	};

	p->bench = b;
	p->phase = hash_u64(i);
	t.server = t.addr;
	p->check = check_new(&b->env, &b->cfg, &t, told, p);
	p->timer = io_timer_new(b->env.loop, due, p);
	if (!b->flight)
		io_timer_set(p->timer, health_first_us(p->phase, b->cfg.interval_ms * UINT64_C(1000)));
	else if (i < b->flight)
		check_start(p->check);
}

static void measure(void *user)
{
	struct bench *b = user;

	b->measuring = true;
	b->missed = 0;
	b->began_us = io_loop_now_us(b->env.loop);
	getrusage(RUSAGE_SELF, &b->began);
	getrusage(RUSAGE_CHILDREN, &b->children_began);
}

static void end(void *user)
{
	struct bench *b = user;

	getrusage(RUSAGE_SELF, &b->ended);
	getrusage(RUSAGE_CHILDREN, &b->children_ended);
	b->ended_us = io_loop_now_us(b->env.loop);
	b->measuring = false;
	b->over = true;
	io_loop_stop(b->env.loop);
}

/* A server for UDP, in a process of its own, that answers whatever comes. */
static pid_t serve_udp(uint16_t *port)
{
	struct ip_addr here = ip_addr_v4(UDP_ADDRESS), ignored;
	struct sockaddr_storage ss;
	socklen_t len = ip_addr_to_sockaddr(&here, 0, &ss);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char buf[512];
	pid_t pid;

	if (bind(fd, (struct sockaddr *)&ss, len)) {
		close(fd);
		return -1;
	}
	len = sizeof(ss);
	getsockname(fd, (struct sockaddr *)&ss, &len);
	ip_addr_from_sockaddr((struct sockaddr *)&ss, &ignored, port);
	pid = fork();
	if (pid) {
		close(fd);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		ssize_t n;

		len = sizeof(ss);
		n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&ss, &len);
		if (n >= 0)
			(void)sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&ss, len);
	}
}

static double seconds_of(const struct timeval *from, const struct timeval *to)
{
	return (double)(to->tv_sec - from->tv_sec) + (double)(to->tv_usec - from->tv_usec) / 1e6;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print(struct bench *b)
{
	uint64_t done = b->passed + b->failed;
	double wall = (double)(b->ended_us - b->began_us) / 1e6;
	size_t n = b->durations;

	qsort(b->duration_us, n, sizeof(*b->duration_us), compare);
	printf("{\"checks\": %llu, \"failed\": %llu, \"missed\": %llu, \"why\": \"%s\", \"wall_s\": %.3f, "
	       "\"user_s\": %.3f, \"system_s\": %.3f, \"children_s\": %.3f, \"max_rss_kib\": %ld",
		(unsigned long long)done, (unsigned long long)b->failed, (unsigned long long)b->missed,
		b->why, wall, seconds_of(&b->began.ru_utime, &b->ended.ru_utime),
		seconds_of(&b->began.ru_stime, &b->ended.ru_stime),
		seconds_of(&b->children_began.ru_utime, &b->children_ended.ru_utime) +
			seconds_of(&b->children_began.ru_stime, &b->children_ended.ru_stime),
		b->ended.ru_maxrss);
	if (n)
		printf(", \"p50_us\": %u, \"p99_us\": %u, \"max_us\": %u", b->duration_us[n / 2],
			b->duration_us[n - 1 - n / 100], b->duration_us[n - 1]);
	printf("}\n");
}

static bool set_type(struct config_check *cfg, const char *name)
{
	static const char *const command[] = { "/bin/true", NULL };
	const char *const names[] = { "tcp", "http", "https", "grpc", "udp", "command" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], name) == 0) {
			*cfg = (struct config_check){
				.name = name, .type = i, .interval_ms = 1000, .timeout_ms = 900
			};
			cfg->send = cfg->expect = "ping";
			cfg->send_len = cfg->expect_len = 4;
			cfg->command = (const char **)command;
			return true;
		}
	}
	return false;
}

static bool parse(struct bench *b, int argc, char **argv)
{
	const char *type = "tcp", *ca = NULL, *host = NULL;

	for (int o; (o = getopt(argc, argv, "t:n:f:s:p:c:h:")) >= 0;) {
		switch (o) {
		case 't':
			type = optarg;
			break;
		case 'n':
			b->count = (unsigned)atoi(optarg);
			break;
		case 'f':
			b->flight = (unsigned)atoi(optarg);
			break;
		case 's':
			b->seconds = (unsigned)atoi(optarg);
			break;
		case 'p':
			b->port = (uint16_t)atoi(optarg);
			break;
		case 'c':
			ca = optarg;
			break;
		case 'h':
			host = optarg;
			break;
		default:
			return false;
		}
	}
	if (!set_type(&b->cfg, type) || optind != argc || b->flight > b->count)
		return false;
	b->cfg.ca_file = ca;
	b->cfg.verify = ca != NULL;
	b->cfg.host = host;
	return true;
}

int main(int argc, char **argv)
{
	struct bench b = { .count = 1000, .seconds = 10 };
	struct io_timer *start, *stop;
	pid_t server = 0;

	if (!parse(&b, argc, argv)) {
		fprintf(stderr,
			"usage: checks -t tcp|http|https|grpc|udp|command [-n servers] [-s seconds] [-p "
			"port]\n"
			"              [-f at-once (as fast as it goes)] [-c CA file (verify)] [-h host]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (b.cfg.type == CONFIG_CHECK_UDP)
		server = serve_udp(&b.port);
	b.env.loop = io_loop_new();
	b.env.user_agent = "User-Agent: lb-ipvs-agent";
	b.env.http = io_http_new(b.env.loop);
	b.duration_us = calloc(DURATIONS_MAX, sizeof(*b.duration_us));
	b.probe = calloc(b.count, sizeof(*b.probe));
	for (unsigned i = 0; i < b.count; i++)
		probe_init(&b, &b.probe[i], i);
	start = io_timer_new(b.env.loop, measure, &b);
	stop = io_timer_new(b.env.loop, end, &b);
	io_timer_set(start, WARM_UP_US);
	io_timer_set(stop, WARM_UP_US + b.seconds * UINT64_C(1000000));
	io_loop_run(b.env.loop);
	print(&b);
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	return 0;
}
