/*
 * load SOCKET ADDRESS PORT
 *
 * Connections that live, and a stream of short requests, from one client to one service whose servers are `web`; and the judgement over
 * each. One controller connects to the unix socket and sends lines; each is answered with one line of JSON. When it hangs up,
 * the program ends.
 *
 *	open COUNT MS EPOCH	that many more connections, spread over the time; EPOCH is told with each in the report
 *	requests US		a short request every US microseconds, each on a connection of its own; 0: no more
 *	mark			what is counted and measured begins anew; connections stay
 *	finish MS		the connections end by themselves, one after the other, all within the time
 *	close			all connections are closed and forgotten
 *	status			sums
 *	report			everything, each connection as an object of its own
 *
 * A connection sends a request every second, its own phase of the second kept, and is broken when it is reset or closed by the
 * other side, when an answer takes longer than SILENCE_US, or when the answer does not come from the server that it has always been with,
 * as the same connection of it and with the next number. It is "ended" when it was closed by us and the server
 * closed too. Source ports are taken in turns, none twice within 60,000 connections: load balancers remember closed ones for
 * minutes, and an old connection's server would be asked for a new one. A short request has failed when it is refused or reset, its answer is wrong, or it takes longer than REQUEST_US;
 * it is late beyond LATE_US. Times are CLOCK_MONOTONIC. If this process itself is held up, that is told too
 * (stalled_us): times that are shown cannot be better than that.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	CONNECTIONS_MAX = 4096,
	REQUESTS_MAX = 2048, /* under way at once */
	SERVERS_MAX = 64,
	REASONS_MAX = 16,
	NAME_MAX_LEN = 32,
	TICK_MS = 2,
	LOOK_US = 50000, /* between two looks for requests that take too long */
	PACE_US = 1000000,
	SILENCE_US = 10000000,
	REQUEST_US = 5000000,
	LATE_US = 500000,
	CATCH_UP_US = 50000, /* requests that we could not send in time are sent later, as far as this */
	LINE_MAX_LEN = 256,
	ANSWER_MAX = 1024,
	EVENTS = 128,
	PORT_FIRST = 2048,
	PORT_LAST = 65535
};

enum state { FREE, TO_OPEN, CONNECTING, ASKING, IDLE, ENDING, ENDED, BROKEN };

static const char *const state_names[] = { "free", "to-open", "connecting", "asking", "idle", "ending",
	"ended", "broken" };

struct flow {
	enum state state;
	bool is_short;
	int fd, epoch;
	unsigned generation;
	unsigned long serial, count, marked; /* marked: the count at the last mark */
	uint64_t due_us;		     /* to open, or to ask again */
	uint64_t since_us;		     /* the connect, or the request */
	uint64_t end_us;		     /* when it is to end by itself; 0: never */
	uint64_t longest_us, broken_us;
	char server[NAME_MAX_LEN];
	char why[48];
	char in[ANSWER_MAX + 1];
	size_t len;
};

/* How often something was, by its name. */
struct count {
	char name[48];
	unsigned long number;
};

struct load {
	int poll, control;
	unsigned port;
	struct sockaddr_in address;
	struct flow *flows, *requests;
	size_t flow_count, request_hint;
	uint64_t interval_us, next_us, mark_us, look_us;
	unsigned generation;
	unsigned long sent, answered, failed, late, skipped, stalled_us, longest_us;
	struct count servers[SERVERS_MAX], reasons[REASONS_MAX];
	char line[LINE_MAX_LEN];
	size_t line_len;
	FILE *out;
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void fatal(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static void count_up(struct count *counts, size_t room, const char *name)
{
	for (size_t i = 0; i < room; i++) {
		if (!counts[i].number)
			snprintf(counts[i].name, sizeof(counts[i].name), "%s", name);
		if (strcmp(counts[i].name, name) == 0) {
			counts[i].number++;
			return;
		}
	}
}

/* --- what becomes of a flow --- */

static void hang_up(struct flow *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

static void request_over(struct load *l, struct flow *f, const char *failure)
{
	uint64_t took = now_us() - f->since_us;

	hang_up(f);
	f->state = FREE;
	if (f->generation != l->generation)
		return;
	if (failure) {
		l->failed++;
		count_up(l->reasons, REASONS_MAX, failure);
		return;
	}
	l->answered++;
	l->late += took > LATE_US;
	if (took > l->longest_us)
		l->longest_us = took;
	count_up(l->servers, SERVERS_MAX, f->server);
}

static void broken(struct load *l, struct flow *f, const char *why)
{
	if (f->is_short) {
		request_over(l, f, why);
		return;
	}
	snprintf(f->why, sizeof(f->why), "%s%s", f->server[0] ? "" : "never opened: ", why);
	f->state = BROKEN;
	f->broken_us = now_us();
	hang_up(f);
}

static void ask(struct load *l, struct flow *f, uint64_t now)
{
	char text[128];
	int len = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: service\r\n%s\r\n",
		f->is_short ? "Connection: close\r\n" : "");

	if (send(f->fd, text, (size_t)len, MSG_NOSIGNAL) != len) {
		broken(l, f, strerror(errno));
		return;
	}
	f->state = ASKING;
	f->len = 0;
	/* A short request's time is that of the whole. */
	if (!f->is_short)
		f->since_us = now;
}

/* The next source port that is free. */
static void bind_next(struct load *l, int fd)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	for (unsigned tries = 0; tries <= PORT_LAST - PORT_FIRST; tries++) {
		l->port = l->port >= PORT_LAST || l->port < PORT_FIRST ? PORT_FIRST : l->port + 1;
		a.sin_port = htons((uint16_t)l->port);
		if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
			return;
		if (errno != EADDRINUSE)
			break;
	}
	fatal("load: bind");
}

static void begin(struct load *l, struct flow *f, uint64_t now)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = f };
	int on = 1;

	f->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (f->fd < 0)
		fatal("load: socket");
	setsockopt(f->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	bind_next(l, f->fd);
	if (epoll_ctl(l->poll, EPOLL_CTL_ADD, f->fd, &e) < 0)
		fatal("load: epoll_ctl");
	f->state = CONNECTING;
	f->since_us = now;
	if (connect(f->fd, (struct sockaddr *)&l->address, sizeof(l->address)) < 0 && errno != EINPROGRESS)
		broken(l, f, strerror(errno));
}

/* The body against what this connection has always heard. */
static const char *judge(struct flow *f, const char *body)
{
	char name[NAME_MAX_LEN];
	unsigned long serial, count;

	if (sscanf(body, "%31s %lu %lu", name, &serial, &count) != 3)
		return "an answer that is none";
	if (!f->server[0]) {
		memcpy(f->server, name, sizeof(name));
		f->serial = serial;
	}
	if (strcmp(name, f->server) != 0 || serial != f->serial || count != f->count + 1)
		return "an answer from another server or connection";
	f->count = count;
	return NULL;
}

static void answered(struct load *l, struct flow *f, const char *body)
{
	const char *wrong = judge(f, body);
	uint64_t now = now_us(), took = now - f->since_us;

	if (wrong) {
		broken(l, f, wrong);
	} else if (f->is_short) {
		request_over(l, f, NULL);
	} else {
		if (took > f->longest_us)
			f->longest_us = took;
		f->state = IDLE;
		while (f->due_us <= now)
			f->due_us += PACE_US;
	}
}

static void hear(struct load *l, struct flow *f)
{
	for (;;) {
		ssize_t n = recv(f->fd, f->in + f->len, ANSWER_MAX - f->len, 0);
		char *end;
		size_t body;

		if (n < 0) {
			if (errno != EAGAIN && errno != EINTR)
				broken(l, f, strerror(errno));
			return;
		}
		if (n == 0 && f->state == ENDING) {
			f->state = ENDED;
			hang_up(f);
			return;
		}
		if (n == 0) {
			broken(l, f, "closed by the server");
			return;
		}
		f->len += (size_t)n;
		f->in[f->len] = 0;
		end = strstr(f->in, "\r\n\r\n");
		body = end ? (size_t)(end + 4 - f->in) : 0;
		if (end && f->in[f->len - 1] == '\n' && f->len > body) {
			answered(l, f, f->in + body);
			return;
		}
		if (f->len == ANSWER_MAX) {
			broken(l, f, "an answer that is none");
			return;
		}
	}
}

static void happened(struct load *l, struct flow *f, uint32_t events)
{
	socklen_t size = sizeof(int);
	int error = 0;

	if (f->fd < 0)
		return;
	if (f->state == CONNECTING) {
		if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
			return;
		getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error)
			broken(l, f, strerror(error));
		else if (events & EPOLLOUT)
			ask(l, f, now_us());
	} else if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
		hear(l, f);
	}
}

/* --- time --- */

static void look_at(struct load *l, struct flow *f, uint64_t now)
{
	switch (f->state) {
	case TO_OPEN:
		if (now >= f->due_us)
			begin(l, f, now);
		break;
	case IDLE:
		if (f->end_us && now >= f->end_us) {
			shutdown(f->fd, SHUT_WR);
			f->state = ENDING;
			f->since_us = now;
		} else if (now >= f->due_us) {
			ask(l, f, now);
		}
		break;
	case CONNECTING:
	case ASKING:
	case ENDING:
		if (now > f->since_us + (f->is_short ? REQUEST_US : SILENCE_US))
			broken(l, f, f->state == CONNECTING ? "no answer to the connect" : "silence");
		break;
	default:
		break;
	}
}

static struct flow *free_request(struct load *l)
{
	for (size_t i = 0; i < REQUESTS_MAX; i++) {
		struct flow *f = &l->requests[(l->request_hint + i) % REQUESTS_MAX];

		if (f->state == FREE) {
			l->request_hint = (l->request_hint + i + 1) % REQUESTS_MAX;
			return f;
		}
	}
	return NULL;
}

static void send_requests(struct load *l, uint64_t now)
{
	while (l->interval_us && now >= l->next_us) {
		struct flow *f = free_request(l);

		l->next_us += l->interval_us;
		if (!f || now > l->next_us + CATCH_UP_US) {
			l->skipped++;
			continue;
		}
		*f = (struct flow){ .is_short = true, .generation = l->generation };
		l->sent++;
		begin(l, f, now);
	}
}

static void tick(struct load *l)
{
	uint64_t now = now_us();

	send_requests(l, now);
	for (size_t i = 0; i < l->flow_count; i++)
		look_at(l, &l->flows[i], now);
	if (now < l->look_us)
		return;
	l->look_us = now + LOOK_US;
	for (size_t i = 0; i < REQUESTS_MAX; i++)
		look_at(l, &l->requests[i], now);
}

/* --- what is asked of us --- */

static void do_open(struct load *l, unsigned count, unsigned ms, int epoch)
{
	uint64_t now = now_us();

	for (unsigned i = 0; i < count && l->flow_count < CONNECTIONS_MAX; i++)
		l->flows[l->flow_count++] = (struct flow){ .state = TO_OPEN,
			.fd = -1,
			.epoch = epoch,
			.due_us = now + (uint64_t)ms * 1000 * i / count };
}

static void do_mark(struct load *l)
{
	l->generation++;
	l->mark_us = now_us();
	l->sent = l->answered = l->failed = l->late = l->skipped = l->stalled_us = l->longest_us = 0;
	memset(l->servers, 0, sizeof(l->servers));
	memset(l->reasons, 0, sizeof(l->reasons));
	for (size_t i = 0; i < l->flow_count; i++) {
		l->flows[i].longest_us = 0;
		l->flows[i].marked = l->flows[i].count;
	}
}

static void do_finish(struct load *l, unsigned ms)
{
	uint64_t now = now_us();

	/* The last one keeps a fifth of the time for itself. */
	for (size_t i = 0; i < l->flow_count; i++)
		l->flows[i].end_us = now + 1 + (uint64_t)ms * 800 * i / l->flow_count;
}

static void do_close(struct load *l)
{
	for (size_t i = 0; i < l->flow_count; i++)
		hang_up(&l->flows[i]);
	l->flow_count = 0;
}

static void tell_counts(FILE *o, const char *name, const struct count *counts, size_t room)
{
	fprintf(o, ",\"%s\":{", name);
	for (size_t i = 0; i < room && counts[i].number; i++)
		fprintf(o, "%s\"%s\":%lu", i ? "," : "", counts[i].name, counts[i].number);
	fprintf(o, "}");
}

static void tell_flow(const struct load *l, const struct flow *f)
{
	uint64_t waiting = f->state == ASKING ? now_us() - f->since_us : 0;

	fprintf(l->out,
		"{\"epoch\":%d,\"state\":\"%s\",\"server\":\"%s\",\"answers\":%lu,\"longest_us\":%" PRIu64,
		f->epoch, state_names[f->state], f->server, f->count,
		waiting > f->longest_us ? waiting : f->longest_us);
	if (f->state == BROKEN)
		fprintf(l->out, ",\"why\":\"%s\",\"after_us\":%" PRId64, f->why,
			(int64_t)(f->broken_us - l->mark_us));
	fprintf(l->out, "}");
}

static bool lives(const struct flow *f)
{
	return f->state == IDLE || f->state == ASKING || f->state == ENDING;
}

static void tell(const struct load *l, bool each)
{
	unsigned long states[BROKEN + 1] = { 0 }, answers = 0, pending = 0, least = 0;
	bool any = false;

	for (size_t i = 0; i < l->flow_count; i++) {
		const struct flow *f = &l->flows[i];

		states[f->state]++;
		answers += f->count;
		if (lives(f) && (!any || f->count - f->marked < least))
			least = f->count - f->marked;
		any |= lives(f);
	}
	for (size_t i = 0; i < REQUESTS_MAX; i++)
		pending += l->requests[i].state != FREE && l->requests[i].generation == l->generation;
	fprintf(l->out,
		"{\"living\":%lu,\"broken\":%lu,\"ended\":%lu,\"opening\":%lu,\"answers\":%lu,\"least\":%lu",
		states[IDLE] + states[ASKING] + states[ENDING], states[BROKEN], states[ENDED],
		states[TO_OPEN] + states[CONNECTING], answers, least);
	fprintf(l->out,
		",\"requests\":{\"sent\":%lu,\"answered\":%lu,\"failed\":%lu,\"late\":%lu,\"pending\":%lu,"
		"\"skipped\":%lu,"
		"\"longest_us\":%lu",
		l->sent, l->answered, l->failed, l->late, pending, l->skipped, l->longest_us);
	tell_counts(l->out, "servers", l->servers, SERVERS_MAX);
	tell_counts(l->out, "reasons", l->reasons, REASONS_MAX);
	fprintf(l->out, "},\"stalled_us\":%lu", l->stalled_us);
	if (each) {
		fprintf(l->out, ",\"connections\":[");
		for (size_t i = 0; i < l->flow_count; i++) {
			fprintf(l->out, "%s", i ? "," : "");
			tell_flow(l, &l->flows[i]);
		}
		fprintf(l->out, "]");
	}
	fprintf(l->out, "}\n");
}

static void obey(struct load *l, const char *line)
{
	unsigned a, b;
	int c;

	if (sscanf(line, "open %u %u %d", &a, &b, &c) == 3) {
		do_open(l, a, b, c);
	} else if (sscanf(line, "requests %u", &a) == 1) {
		l->interval_us = a;
		l->next_us = now_us();
	} else if (sscanf(line, "finish %u", &a) == 1) {
		do_finish(l, a);
	} else if (strcmp(line, "mark") == 0) {
		do_mark(l);
	} else if (strcmp(line, "close") == 0) {
		do_close(l);
	} else if (strcmp(line, "report") == 0 || strcmp(line, "status") == 0) {
		tell(l, line[0] == 'r');
		fflush(l->out);
		return;
	} else {
		fprintf(l->out, "{\"error\":\"not understood\"}\n");
		fflush(l->out);
		return;
	}
	fprintf(l->out, "{}\n");
	fflush(l->out);
}

static void listen_to_controller(struct load *l)
{
	ssize_t n = recv(l->control, l->line + l->line_len, sizeof(l->line) - 1 - l->line_len, MSG_DONTWAIT);
	char *end;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		exit(EXIT_SUCCESS);
	l->line_len += (size_t)n;
	l->line[l->line_len] = 0;
	while ((end = strchr(l->line, '\n'))) {
		*end = 0;
		obey(l, l->line);
		l->line_len -= (size_t)(end + 1 - l->line);
		memmove(l->line, end + 1, l->line_len + 1);
	}
}

/* --- the loop --- */

static int controller(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0)
		fatal("load: the control socket");
	return accept(fd, NULL, NULL);
}

static void run(struct load *l)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = NULL }, events[EVENTS];
	uint64_t last = now_us();

	if (epoll_ctl(l->poll, EPOLL_CTL_ADD, l->control, &e) < 0)
		fatal("load: epoll_ctl");
	for (;;) {
		int n = epoll_wait(l->poll, events, EVENTS, TICK_MS);
		uint64_t now = now_us();

		/* The longest turn of this loop. */
		if (now - last > l->stalled_us)
			l->stalled_us = now - last;
		last = now;
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				happened(l, events[i].data.ptr, events[i].events);
			else
				listen_to_controller(l);
		}
		tick(l);
	}
}

int main(int argc, char **argv)
{
	struct load l = { .poll = epoll_create1(EPOLL_CLOEXEC) };
	struct rlimit files;

	if (argc != 4 || inet_pton(AF_INET, argv[2], &l.address.sin_addr) != 1) {
		fprintf(stderr, "usage: load SOCKET IPV4-ADDRESS PORT\n");
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	l.address.sin_family = AF_INET;
	l.address.sin_port = htons((uint16_t)atoi(argv[3]));
	l.flows = calloc(CONNECTIONS_MAX, sizeof(*l.flows));
	l.requests = calloc(REQUESTS_MAX, sizeof(*l.requests));
	l.control = controller(argv[1]);
	if (!l.flows || !l.requests || l.control < 0)
		fatal("load");
	l.out = fdopen(dup(l.control), "w");
	if (!l.out)
		fatal("load");
	run(&l);
}
