#include "lab.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/row.h"

#include <sched.h>

struct fib_config config(void)
{
	return (struct fib_config){ .table = 254,
		.metric = 20,
		.protocol = 186,
		.next_hop_id_base = ID_BASE,
		.next_hop_id_count = ID_COUNT,
		.remove_on_exit = true };
}

/* --- ip(8) --- */

char *output(const char *command)
{
	size_t size = 1 << 20, len;
	char *buf = mem_alloc(size);
	FILE *f = popen(command, "r");

	assert_non_null(f);
	len = fread(buf, 1, size - 1, f);
	buf[len] = 0;
	pclose(f);
	return buf;
}

void ip(const char *fmt, ...)
{
	char command[512] = "ip ";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command + 3, sizeof(command) - 3, fmt, ap);
	va_end(ap);
	if (system(command) != 0)
		fail_msg("%s failed", command);
}

size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

size_t count_in(const char *command, const char *what)
{
	char *out = output(command);
	size_t n = count(out, what);

	free(out);
	return n;
}

void expect(const char *command, const char *what)
{
	char *out = output(command);

	if (!strstr(out, what))
		fail_msg("%s:\n%sdoes not say \"%s\"", command, out, what);
	free(out);
}

unsigned group_id(const char *prefix)
{
	char command[128];
	char *out, *at;
	unsigned id = 0;

	snprintf(command, sizeof(command), "ip %s route show %s proto bgp", strchr(prefix, ':') ? "-6" : "",
		prefix);
	out = output(command);
	at = strstr(out, "nhid ");
	if (at)
		id = (unsigned)strtoul(at + 5, NULL, 10);
	free(out);
	return id;
}

/* --- the FIB in its loop --- */

static void poll_until(void *user)
{
	struct lab *lab = user;

	lab->reached = lab->until(lab);
	if (lab->reached || ++lab->polls > WAIT_MS * 1000 / POLL_US) {
		io_loop_stop(lab->loop);
		return;
	}
	io_timer_set(lab->timer, POLL_US);
}

bool wait_until(struct lab *lab, bool (*fn)(struct lab *lab))
{
	lab->until = fn;
	lab->polls = 0;
	io_timer_set(lab->timer, 0);
	io_loop_run(lab->loop);
	return lab->reached;
}

struct lab *lab_new(const struct fib_config *cfg)
{
	struct lab *lab = mem_calloc(1, sizeof(*lab));
	char err[256] = "";

	lab->loop = io_loop_new();
	lab->timer = io_timer_new(lab->loop, poll_until, lab);
	lab->fib = fib_new(lab->loop, cfg, err, sizeof(err));
	if (!lab->fib)
		fail_msg("%s", err);
	return lab;
}

void lab_free(struct lab *lab)
{
	fib_free(lab->fib);
	io_timer_free(lab->timer);
	io_loop_free(lab->loop);
	free(lab);
}

int64_t status(const struct lab *lab, const char *key)
{
	struct row *r = fib_status(lab->fib);
	int64_t v = row_get_int(r, key, -1);

	row_free(r);
	return v;
}

bool is_idle(struct lab *lab)
{
	return status(lab, "pending") == 0;
}

struct row *row_of(const struct lab *lab, const char *prefix)
{
	struct fib_listing *l = fib_listing_new();
	struct row *r;

	while ((r = fib_row(lab->fib, l)) && strcmp(row_get_text(r, "prefix"), prefix) != 0)
		row_free(r);
	fib_listing_free(l);
	return r;
}

static bool has_state(struct lab *lab)
{
	struct row *r = row_of(lab, lab->prefix);
	bool yes = r ? lab->state && strcmp(row_get_text(r, "state"), lab->state) == 0 : !lab->state;

	row_free(r);
	return yes;
}

void wait_state(struct lab *lab, const char *prefix, const char *state)
{
	lab->prefix = prefix;
	lab->state = state;
	if (!wait_until(lab, has_state)) {
		struct row *r = row_of(lab, prefix);
		char *text = r ? row_format(r) : NULL;

		fail_msg("%s does not become %s: %s", prefix, state, text ? text : "no such route");
	}
}

void wish(struct lab *lab, const char *prefix, const char *next_hops)
{
	struct fib_next_hop nh[FIB_NEXT_HOPS_MAX];
	struct prefix p;
	char copy[512], *save = NULL;
	size_t n = 0;

	assert_true(prefix_parse(prefix, &p, NULL));
	if (!next_hops) {
		fib_del(lab->fib, &p);
		return;
	}
	snprintf(copy, sizeof(copy), "%s", next_hops);
	for (char *one = strtok_r(copy, " ", &save); one; one = strtok_r(NULL, " ", &save)) {
		char *star = strchr(one, '*');

		nh[n].weight = star ? (uint16_t)atoi(star + 1) : 1;
		if (star)
			*star = 0;
		assert_true(ip_addr_parse(one, &nh[n++].addr));
	}
	fib_set(lab->fib, &p, nh, n);
}

void settle(struct lab *lab)
{
	fib_commit(lab->fib);
	assert_true(wait_until(lab, is_idle));
}

static bool seen_in_kernel(struct lab *lab)
{
	char command[128];

	snprintf(command, sizeof(command), "ip route show %s", lab->prefix);
	return count_in(command, lab->state) > 0;
}

static bool gone_from_kernel(struct lab *lab)
{
	return !seen_in_kernel(lab);
}

void wait_gone(struct lab *lab, const char *prefix, const char *text)
{
	lab->prefix = prefix;
	lab->state = text;
	if (!wait_until(lab, gone_from_kernel))
		fail_msg("%s still has \"%s\"", prefix, text);
}

void wait_kernel(struct lab *lab, const char *prefix, const char *text)
{
	lab->prefix = prefix;
	lab->state = text;
	if (!wait_until(lab, seen_in_kernel))
		fail_msg("%s does not get \"%s\"", prefix, text);
}

size_t objects(void)
{
	return count_in("ip nexthop show", "id 7");
}

bool lab_is_possible(void)
{
	if (geteuid() == 0 && system("command -v ip >/dev/null") == 0)
		return true;
	printf("skipped: needs root (a network namespace of its own) and ip(8) of iproute2\n");
	return false;
}

int make_namespace(void **state)
{
	(void)state;
	log_init("test", LOG_TO_STDERR, LOG_LEVEL_ERROR);
	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	ip("link set lo up");
	for (int i = 0; i < 2; i++) {
		ip("link add %c0 type veth peer name %c1", 'a' + i, 'a' + i);
		ip("link set %c0 up", 'a' + i);
		ip("link set %c1 up", 'a' + i);
		ip("addr add 192.168.%d.1/24 dev %c0", i + 1, 'a' + i);
		ip("addr add 2001:db8:%d::1/64 dev %c0 nodad", i + 1, 'a' + i);
	}
	return 0;
}
