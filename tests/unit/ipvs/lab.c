#include "lab.h"

#include "base/mem.h"
#include "ipvs/netlink.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { POLL_US = 500 };

/* --- what is sent: our own sendto() stands before the C library's --- */

static unsigned writes;

static void count_writes(const void *data, size_t len)
{
	const struct nlmsghdr *h = data;

	for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
		const struct genlmsghdr *g = NLMSG_DATA(h);

		if (h->nlmsg_type > GENL_ID_CTRL && g->cmd != IPVS_CMD_GET_SERVICE &&
			g->cmd != IPVS_CMD_GET_DEST && g->cmd != IPVS_CMD_GET_INFO)
			writes++;
	}
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): in the place of the C library's. */
ssize_t sendto(int fd, const void *data, size_t len, int flags, __CONST_SOCKADDR_ARG to, socklen_t to_len)
{
	if (to.__sockaddr__ && to.__sockaddr__->sa_family == AF_NETLINK)
		count_writes(data, len);
	return syscall(SYS_sendto, fd, data, len, flags, to.__sockaddr__, to_len);
}

unsigned lab_writes(void)
{
	return writes;
}

/* --- commands --- */

void lab_sh(const char *fmt, ...)
{
	char command[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (system(command) != 0)
		fail_msg("%s failed", command);
}

char *lab_output(const char *fmt, ...)
{
	size_t size = 1 << 20, len;
	char command[1024], *buf = mem_alloc(size);
	va_list ap;
	FILE *f;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	f = popen(command, "r");
	assert_non_null(f);
	len = fread(buf, 1, size - 1, f);
	buf[len] = 0;
	pclose(f);
	return buf;
}

void lab_expect(const char *text)
{
	char *found = lab_output("ipvsadm -Sn");

	/* ipvsadm ends some lines with blanks. */
	for (char *at; (at = strstr(found, " \n"));)
		memmove(at, at + 1, strlen(at));
	if (strcmp(found, text) != 0)
		fail_msg("the kernel has\n%s\nand should have\n%s", found, text);
	free(found);
}

size_t lab_order(struct ip_addr *out, size_t max)
{
	char *found = lab_output("ipvsadm -Ln --nosort"), *rest = found, addr[64];
	size_t n = 0;

	for (char *line; (line = strsep(&rest, "\n"));) {
		char *colon;

		if (sscanf(line, "  -> %63s", addr) != 1 || !(colon = strrchr(addr, ':')))
			continue;
		*colon = 0;
		if (!ip_addr_parse(addr, &out[n]))
			continue; /* the heading */
		assert_true(++n <= max);
	}
	free(found);
	/* The kernel tells the newest first. */
	for (size_t i = 0; i < n / 2; i++) {
		struct ip_addr a = out[i];

		out[i] = out[n - 1 - i];
		out[n - 1 - i] = a;
	}
	return n;
}

bool lab_enter(void)
{
	struct ipvs_netlink *nl;
	char err[256];

	if (unshare(CLONE_NEWNET) < 0) {
		printf("1..0 # SKIP no network namespace of our own: %s\n", strerror(errno));
		return false;
	}
	nl = ipvs_netlink_new(err, sizeof(err));
	if (!nl) {
		printf("1..0 # SKIP %s\n", err);
		return false;
	}
	ipvs_netlink_free(nl);
	if (system("ipvsadm -Ln >/dev/null") != 0) {
		printf("1..0 # SKIP ipvsadm is missing: apt-get install ipvsadm\n");
		return false;
	}
	lab_sh("ip link set lo up && ip link add dummy0 type dummy && ip link set dummy0 up");
	lab_sh("ip addr add 10.8.0.1/16 dev dummy0 && ip addr add 2001:db8:8::1/64 dev dummy0 nodad");
	lab_sh("ip addr add 10.9.9.9/32 dev lo && ip addr add 2001:db8:9::9/128 dev lo nodad");
	return true;
}

/* --- the facade --- */

static void ready(void *user)
{
	((struct lab *)user)->ready = true;
}

static void changed(void *user, const struct ipvs_key *key)
{
	(void)key;
	((struct lab *)user)->changed++;
}

static void failed(void *user, const char *why)
{
	struct lab *l = user;

	l->failures++;
	snprintf(l->why, sizeof(l->why), "%s", why);
}

static const struct ipvs_ops lab_ops = { .ready = ready, .changed = changed, .failed = failed };

static bool is_ready(struct lab *l)
{
	return l->ready;
}

void lab_start(struct lab *l, const struct ipvs_config *cfg)
{
	char err[256] = "";

	*l = (struct lab){ .loop = io_loop_new() };
	l->ipvs = ipvs_new(l->loop, cfg, &lab_ops, l, err, sizeof(err));
	if (!l->ipvs)
		fail_msg("%s", err);
	lab_wait(l, is_ready);
}

void lab_stop(struct lab *l)
{
	ipvs_free(l->ipvs);
	io_loop_free(l->loop);
}

struct waiter {
	struct lab *l;
	bool (*done)(struct lab *l);
	struct io_timer *timer;
	uint64_t until_us;
	bool late;
};

static void look(void *user)
{
	struct waiter *w = user;
	bool done = w->done && w->done(w->l);

	w->late = !done && io_loop_now_us(w->l->loop) >= w->until_us;
	if (done || w->late)
		io_loop_stop(w->l->loop);
	else
		io_timer_set(w->timer, POLL_US);
}

static bool run_until(struct lab *l, bool (*done)(struct lab *l), unsigned ms)
{
	struct waiter w = { .l = l, .done = done };
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	w.until_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 + ms * 1000ULL;
	w.timer = io_timer_new(l->loop, look, &w);
	io_timer_set(w.timer, 0);
	io_loop_run(l->loop);
	io_timer_free(w.timer);
	return !w.late;
}

void lab_wait(struct lab *l, bool (*done)(struct lab *l))
{
	if (!run_until(l, done, LAB_WAIT_MS))
		fail_msg("did not come within %u ms (%s)", (unsigned)LAB_WAIT_MS, l->why);
}

void lab_run(struct lab *l, unsigned ms)
{
	run_until(l, NULL, ms);
}

bool lab_settled(struct lab *l)
{
	return ipvs_settled(l->ipvs);
}

void lab_set(struct lab *l, const struct ipvs_service *s, const struct ipvs_wish_dest *d, size_t count)
{
	const struct ipvs_wish w = { .service = *s, .dests = d, .count = count };

	ipvs_set(l->ipvs, &w);
}
