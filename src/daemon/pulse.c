#include "daemon/pulse.h"

#include "base/mem.h"
#include "daemon/notify.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_US = 1000000, STATUS_MAX = 256 };

struct daemon_pulse {
	struct io_loop *loop;
	struct io_timer *timer;
	void (*status)(void *user, struct text *out);
	void *user;
	uint64_t ping_us; /* between two pings; 0: nobody watches */
	uint64_t told_us; /* when the status was last looked at */
	char told[STATUS_MAX];
};

/* Twice as often as the manager asks for. */
static uint64_t ping_interval_us(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!usec || (pid && atol(pid) != (long)getpid()))
		return 0;
	return strtoull(usec, NULL, 10) / 2;
}

static void tell_status(struct daemon_pulse *p)
{
	char now[STATUS_MAX];
	struct text t = text_init(now, sizeof(now));

	p->told_us = io_loop_now_us(p->loop);
	p->status(p->user, &t);
	if (strcmp(now, p->told) != 0 && daemon_notify_status(now) > 0)
		memcpy(p->told, now, sizeof(now));
}

static void pulse(void *user)
{
	struct daemon_pulse *p = user;

	if (p->ping_us)
		daemon_notify_watchdog();
	if (!p->told_us || io_loop_now_us(p->loop) - p->told_us >= STATUS_US)
		tell_status(p);
	io_timer_set(p->timer, p->ping_us && p->ping_us < STATUS_US ? p->ping_us : STATUS_US);
}

struct daemon_pulse *daemon_pulse_new(
	struct io_loop *loop, void (*status)(void *user, struct text *out), void *user)
{
	struct daemon_pulse *p = mem_calloc(1, sizeof(*p));

	*p = (struct daemon_pulse){ .loop = loop, .status = status, .user = user };
	p->ping_us = ping_interval_us();
	p->timer = io_timer_new(loop, pulse, p);
	if (getenv("NOTIFY_SOCKET"))
		io_timer_set(p->timer, 0);
	return p;
}

void daemon_pulse_free(struct daemon_pulse *p)
{
	if (!p)
		return;
	io_timer_free(p->timer);
	free(p);
}
