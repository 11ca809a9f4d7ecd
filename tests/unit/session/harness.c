#include "harness.h"

#include "base/mem.h"
#include "io/tcp.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TICK_US = 500, GIVE_UP_US = 5000000 };

/* --- the program --- */

static void on_up(void *user, struct session *s, const struct bgp_negotiated *n)
{
	struct program *p = user;

	assert_int_equal(p->ups, p->downs);
	p->session = s;
	p->ups++;
	p->negotiated = *n;
}

static void on_down(void *user, struct session *s, const struct session_down *why)
{
	struct program *p = user;

	(void)s;
	p->downs++;
	assert_int_equal(p->ups, p->downs);
	p->why = *why;
}

static void on_update(void *user, struct session *s, const struct bgp_update *u)
{
	struct program *p = user;

	(void)s;
	assert_int_equal(p->ups, p->downs + 1);
	p->updates++;
	p->verdict = u->verdict;
	for (int f = 0; f < BGP_FAMILIES; f++)
		p->announced += u->announced[f].count;
}

static void on_refresh(
	void *user, struct session *s, enum bgp_family family, enum bgp_refresh_subtype subtype)
{
	struct program *p = user;

	(void)s;
	(void)family;
	p->refreshes++;
	p->refresh_subtype = subtype;
}

static int on_fill(void *user, struct iovec *iov, int max, size_t *partial)
{
	struct program *p = user;
	size_t total = 0;

	assert_int_equal(p->ups, p->downs + 1);
	if (p->at_once_max && p->at_once_max < max)
		max = p->at_once_max;
	*partial = p->out.rest;
	p->rests += p->out.rest > 0 && p->session->primary->control_len > 0;
	return bgp_queue_peek(&p->out, iov, max, &total);
}

static void on_consumed(void *user, size_t octets)
{
	struct program *p = user;

	bgp_queue_consume(&p->out, octets);
}

const struct session_ops program_ops = {
	.up = on_up,
	.down = on_down,
	.update = on_update,
	.refresh = on_refresh,
	.fill = on_fill,
	.consumed = on_consumed,
};

bool has_error(void *program)
{
	return session_last_error(((struct program *)program)->session)[0];
}

bool is_up(void *program)
{
	struct program *p = program;

	return p->ups > p->downs;
}

bool is_down(void *program)
{
	return !is_up(program);
}

struct program *add_neighbor(struct world *w, const struct session_config *cfg)
{
	struct program *p = mem_calloc(1, sizeof(*p));

	bgp_queue_init(&p->out);
	p->world = w;
	p->session = session_neighbors_add(w->set, cfg, &program_ops, p);
	assert_non_null(p->session);
	session_start(p->session);
	return p;
}

/* --- the world --- */

static void *on_dynamic_new(void *user, void *range_user, const struct ip_addr *remote,
	struct session_config *cfg, const struct session_ops **ops)
{
	struct world *w = user;
	struct program *p = mem_calloc(1, sizeof(*p));

	(void)remote;
	*cfg = w->dynamic_cfg;
	*ops = &program_ops;
	bgp_queue_init(&p->out);
	p->world = w;
	p->dynamic = true;
	w->dynamic_new++;
	w->last_range = range_user;
	w->last_dynamic = p;
	return p;
}

static void on_dynamic_gone(void *user, void *session_user)
{
	struct world *w = user;
	struct program *p = session_user;

	w->dynamic_gone++;
	bgp_queue_fini(&p->out);
	if (w->last_dynamic == p)
		w->last_dynamic = NULL;
	free(p);
}

static const struct session_neighbors_ops set_ops = { on_dynamic_new, on_dynamic_gone, NULL };

static void tick(void *user)
{
	struct world *w = user;

	w->holds = w->fact && w->fact(w->fact_arg);
	if (w->holds || io_loop_now_us(w->loop) > w->give_up_us)
		io_loop_stop(w->loop);
	else
		io_timer_set(w->tick, TICK_US);
}

bool world_wait(struct world *w, bool (*fact)(void *arg), void *arg)
{
	w->fact = fact;
	w->fact_arg = arg;
	w->holds = false;
	w->give_up_us = io_loop_now_us(w->loop) + GIVE_UP_US;
	io_timer_set(w->tick, 0);
	io_loop_run(w->loop);
	return w->holds;
}

void world_run_ms(struct world *w, unsigned ms)
{
	w->fact = NULL;
	w->give_up_us = io_loop_now_us(w->loop) + ms * 1000;
	io_timer_set(w->tick, 0);
	io_loop_run(w->loop);
}

int world_setup(void **state)
{
	struct world *w = mem_calloc(1, sizeof(*w));
	struct ip_addr here = addr_of("127.0.0.1");
	int rc = -1;

	log_init("test", LOG_TO_STDERR, getenv("VERBOSE") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	w->loop = io_loop_new();
	w->io = session_io_new(w->loop);
	w->set = session_neighbors_new(w->io, &set_ops, w);
	w->tick = io_timer_new(w->loop, tick, w);
	for (int i = 0; i < 100 && rc < 0; i++) {
		w->port = (uint16_t)(12000 + (getpid() * 7 + i * 131) % 18000);
		rc = session_neighbors_listen(w->set, &here, w->port);
	}
	assert_int_equal(rc, 0);
	w->dynamic_cfg = config_for(w, "127.0.0.99");
	*state = w;
	return 0;
}

int world_teardown(void **state)
{
	struct world *w = *state;
	struct program *programs[64];
	int n = 0;

	for (struct session *s = NULL;
		(s = session_neighbors_next(w->set, s ? &s->cfg.remote : NULL)) && n < 64;)
		if (!((struct program *)s->user)->dynamic)
			programs[n++] = s->user;
	session_neighbors_free(w->set);
	for (int i = 0; i < n; i++) {
		bgp_queue_fini(&programs[i]->out);
		free(programs[i]);
	}
	assert_int_equal(w->dynamic_new, w->dynamic_gone);
	session_io_free(w->io);
	io_timer_free(w->tick);
	io_loop_free(w->loop);
	free(w);
	return 0;
}

uint32_t id_of(const char *text)
{
	struct ip_addr a = addr_of(text);

	return ip_addr_to_u32(&a);
}

struct ip_addr addr_of(const char *text)
{
	struct ip_addr a;

	assert_true(ip_addr_parse(text, &a));
	return a;
}

struct session_config config_for(const struct world *w, const char *remote)
{
	return (struct session_config){
		.remote = addr_of(remote),
		.local = addr_of("127.0.0.1"),
		.remote_port = w->port,
		.local_as = 65021,
		.peer_as = 65021,
		.router_id = id_of("10.0.0.20"),
		.enabled = true,
		.passive = true,
		.hold_time_s = 9,
		.min_hold_time_s = 3,
		.connect_retry_s = 1,
		.connect_retry_max_s = 10,
		.idle_hold_s = 1,
		.idle_hold_max_s = 60,
		.family = { true, true },
		.route_refresh = true,
		.name = "test",
	};
}

/* --- raw peers --- */

static struct raw *raw_new(int fd)
{
	struct raw *r = mem_calloc(1, sizeof(*r));

	assert_true(fd >= 0);
	r->fd = fd;
	return r;
}

/* NULL when there is no answer. Over the loopback interface it would be here before connect() has returned. */
static struct raw *connect_with(struct world *w, const char *from, struct io_tcp_opts opts)
{
	struct ip_addr here = addr_of("127.0.0.1"), source = addr_of(from);
	struct pollfd p = { .events = POLLOUT };

	opts.local = &source;
	p.fd = io_tcp_connect(&here, w->port, &opts);
	assert_true(p.fd >= 0);
	if (poll(&p, 1, 50) == 0) {
		close(p.fd);
		return NULL;
	}
	assert_int_equal(io_tcp_connect_result(p.fd), 0);
	return raw_new(p.fd);
}

struct raw *raw_connect(struct world *w, const char *from)
{
	struct raw *r = connect_with(w, from, (struct io_tcp_opts){ 0 });

	assert_non_null(r);
	return r;
}

struct raw *raw_connect_with_ttl(struct world *w, const char *from, uint8_t ttl)
{
	struct raw *r = connect_with(w, from, (struct io_tcp_opts){ .ttl = ttl });

	assert_non_null(r);
	return r;
}

struct io_tcp_key key_of(const char *password)
{
	struct io_tcp_key key = { .len = (uint8_t)strlen(password) };

	memcpy(key.octets, password, key.len);
	return key;
}

struct raw *raw_connect_with_key(struct world *w, const char *from, const char *password)
{
	struct io_tcp_key key = key_of(password);

	return connect_with(w, from, (struct io_tcp_opts){ .key = &key });
}

int raw_listen(struct world *w, const char *address)
{
	struct ip_addr a = addr_of(address);
	int fd = io_tcp_listen(&a, w->port);

	assert_true(fd >= 0);
	return fd;
}

struct waiting_accept {
	int listener, fd;
};

static bool accepted(void *arg)
{
	struct waiting_accept *a = arg;
	struct ip_addr remote, local;

	a->fd = io_tcp_accept(a->listener, &remote, &local);
	return a->fd >= 0;
}

struct raw *raw_accept(struct world *w, int listener)
{
	struct waiting_accept a = { .listener = listener };

	assert_true(world_wait(w, accepted, &a));
	return raw_new(a.fd);
}

void raw_free(struct raw *r)
{
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

void raw_send(struct raw *r, const void *data, size_t len)
{
	assert_int_equal(send(r->fd, data, len, MSG_NOSIGNAL), len);
}

void raw_send_message(struct raw *r, uint8_t type, const void *body, size_t len)
{
	uint8_t buf[BGP_MESSAGE_MAX];
	struct writer w = writer_init(buf, sizeof(buf));

	for (int i = 0; i < 16; i++)
		writer_u8(&w, 0xff);
	writer_u16(&w, (uint16_t)(BGP_HEADER_LEN + len));
	writer_u8(&w, type);
	writer_bytes(&w, body, len);
	raw_send(r, buf, writer_len(&w));
}

static void send_open(struct raw *r, const struct bgp_open *o)
{
	uint8_t buf[BGP_MESSAGE_MAX];
	struct writer w = writer_init(buf, sizeof(buf));

	bgp_open_encode(&w, o);
	raw_send(r, buf, writer_len(&w));
}

static struct bgp_open usual_open(uint32_t as, uint32_t id, uint16_t hold_time_s)
{
	struct bgp_open o = { .as = as, .hold_time_s = hold_time_s, .bgp_identifier = id };

	o.caps.as4 = true;
	o.caps.as4_number = as;
	o.caps.any_multiprotocol = o.caps.route_refresh = true;
	o.caps.family[BGP_IPV4_UNICAST] = true;
	return o;
}

void raw_send_open(struct raw *r, uint32_t as, uint32_t id, uint16_t hold_time_s)
{
	struct bgp_open o = usual_open(as, id, hold_time_s);

	send_open(r, &o);
}

void raw_send_enhanced_open(struct raw *r, uint32_t as, uint32_t id, uint16_t hold_time_s)
{
	struct bgp_open o = usual_open(as, id, hold_time_s);

	o.caps.enhanced_route_refresh = true;
	send_open(r, &o);
}

void raw_send_bare_open(struct raw *r, uint32_t as, uint32_t id, uint16_t hold_time_s)
{
	struct bgp_open o = { .as = as, .hold_time_s = hold_time_s, .bgp_identifier = id };

	send_open(r, &o);
}

void raw_send_keepalive(struct raw *r)
{
	raw_send_message(r, BGP_KEEPALIVE, NULL, 0);
}

void raw_send_notification(struct raw *r, uint8_t code, uint8_t subcode)
{
	uint8_t body[] = { code, subcode };

	raw_send_message(r, BGP_NOTIFICATION, body, 2);
}

static bool message_there(void *arg)
{
	struct raw *r = arg;
	ssize_t n = 1;

	while (!r->closed && r->len < sizeof(r->buf) && n > 0) {
		n = recv(r->fd, r->buf + r->len, sizeof(r->buf) - r->len, MSG_DONTWAIT);
		if (n > 0)
			r->len += (size_t)n;
		if (n == 0 || (n < 0 && errno != EAGAIN))
			r->closed = true;
		if (n < 0 && errno != EAGAIN)
			r->error = errno;
	}
	return r->closed || (r->len >= BGP_HEADER_LEN && r->len >= (size_t)(r->buf[16] << 8 | r->buf[17]));
}

bool message_is_there(struct raw *r)
{
	return message_there(r);
}

void raw_next(struct world *w, struct raw *r, struct message *m)
{
	size_t len;

	if (!message_there(r) && !world_wait(w, message_there, r))
		fail_msg("no message and no end of the connection in five seconds");
	if (r->len < BGP_HEADER_LEN) {
		assert_int_equal(r->error, 0);
		assert_int_equal(r->len, 0);
		m->type = 0;
		return;
	}
	for (int i = 0; i < 16; i++)
		assert_int_equal(r->buf[i], 0xff);
	len = (size_t)(r->buf[16] << 8 | r->buf[17]);
	assert_in_range(len, BGP_HEADER_LEN, r->len);
	m->type = r->buf[18];
	m->len = len - BGP_HEADER_LEN;
	memcpy(m->body, r->buf + BGP_HEADER_LEN, m->len);
	r->len -= len;
	memmove(r->buf, r->buf + len, r->len);
}

void raw_expect(struct world *w, struct raw *r, uint8_t type, struct message *m)
{
	struct message own = { 0 };

	m = m ? m : &own;
	raw_next(w, r, m);
	if (m->type == BGP_NOTIFICATION && type != BGP_NOTIFICATION)
		fail_msg("NOTIFICATION %u/%u", m->body[0], m->body[1]);
	assert_int_equal(m->type, type);
}

void raw_expect_notification(struct world *w, struct raw *r, uint8_t code, uint8_t subcode)
{
	struct message m;

	do
		raw_next(w, r, &m);
	while (m.type == BGP_KEEPALIVE);
	assert_int_equal(m.type, BGP_NOTIFICATION);
	assert_int_equal(m.body[0], code);
	assert_int_equal(m.body[1], subcode);
	raw_expect(w, r, 0, NULL);
}

static bool is_closed(void *arg)
{
	struct raw *r = arg;

	message_there(r);
	return r->closed;
}

void raw_expect_reset(struct world *w, struct raw *r)
{
	assert_true(world_wait(w, is_closed, r));
	assert_int_equal(r->len, 0);
	assert_int_equal(r->error, ECONNRESET);
}

void raw_establish(struct world *w, struct raw *r, struct program *p, uint32_t id, uint16_t hold_time_s)
{
	raw_expect(w, r, BGP_OPEN, NULL);
	raw_send_open(r, 65021, id, hold_time_s);
	raw_expect(w, r, BGP_KEEPALIVE, NULL);
	raw_send_keepalive(r);
	if (!p)
		p = w->last_dynamic;
	assert_true(world_wait(w, is_up, p));
}
