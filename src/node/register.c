/*
 * The announcers' side: what they register, and when they are told that it works.
 *
 * A connection has a registrant, which owns the members it has registered, and at most one question: the request whose
 * answer is held until the kernel has decided it, or the time for it is over (node/protocol.h). What is refused leaves nothing behind. A
 * registrant whose connection ends takes its members along.
 */
#include "node/node.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/row_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ERROR_MAX = 256, MEMBERS_MAX = 256, NAME_OCTETS = 64, SUBJECT_TEXT_MAX = 256 };

/* What a request is about. */
struct subject {
	struct prefix prefix;
	struct ip_addr pod;
};

struct registrant {
	struct list link;
	struct node *node;
	struct control_caller *caller;
	struct list members;
	size_t member_count;
	char name[NAME_OCTETS];
	int pid;
	struct list refusals; /* that were logged */
	size_t refusal_count;
	/* The question. */
	bool asking;
	struct prefix about;
	struct node_member *member; /* NULL: it asked to be taken out */
	uint64_t asked_ms;
	char error[ERROR_MAX]; /* the answer; "" when all is well */
	bool answered;	       /* its row has been sent */
};

struct refusal {
	struct list link;
	char text[ERROR_MAX];
};

const char *node_member_name(const struct node_member *m)
{
	return ((const struct registrant *)m->owner)->name;
}

int node_member_pid(const struct node_member *m)
{
	return ((const struct registrant *)m->owner)->pid;
}

static const char *describe(const struct registrant *r, const struct subject *s, char out[SUBJECT_TEXT_MAX])
{
	char prefix[PREFIX_TEXT_MAX], pod[PREFIX_TEXT_MAX];

	snprintf(out, SUBJECT_TEXT_MAX, "service %s: pod %s%s%s%s", prefix_format(&s->prefix, prefix),
		ip_addr_format(&s->pod, pod), r->name[0] ? " (" : "", r->name, r->name[0] ? ")" : "");
	return out;
}

static const char *describe_member(const struct node_member *m, char out[SUBJECT_TEXT_MAX])
{
	return describe(m->owner, &(struct subject){ *node_member_prefix(m), m->pod }, out);
}

/* --- whether it works --- */

/* Busy: with the kernel, which takes its time. */
enum verdict { WAIT, BUSY, WORKS, FAILS };

static enum verdict judge_pod(const struct node *n, const struct node_member *m, char *why)
{
	const struct node_pod *p = node_pod_find(n, &m->pod);
	char pod[PREFIX_TEXT_MAX], gateway[PREFIX_TEXT_MAX];

	ip_addr_format(&m->pod, pod);
	if (!p->known) {
		snprintf(why, ERROR_MAX, "the kernel has not told yet how pod %s is reached", pod);
		return WAIT;
	}
	if (!p->reachable) {
		snprintf(why, ERROR_MAX, "pod %s cannot be reached from the node: %s", pod, p->why);
		return WAIT;
	}
	if (ip_addr_equal(&p->gateway, &m->pod))
		return WORKS;
	snprintf(why, ERROR_MAX,
		"pod %s is reached through %s: it is not on this node, which must reach a pod's address "
		"directly",
		pod, ip_addr_format(&p->gateway, gateway));
	return FAILS;
}

static enum verdict judge_route(
	const struct node *n, const struct node_member *m, const struct prefix *prefix, char *why)
{
	char other[128] = "";
	struct fib_look look;

	fib_look(n->fib, prefix, &look);
	/* While it is changed for others, the route that there was still leads here. */
	if (!look.settled && !look.failed && m->works)
		return WORKS;
	if (!look.settled) {
		snprintf(why, ERROR_MAX, "the node has no route yet%s%.200s", look.error[0] ? ": " : "",
			look.error);
		return look.failed ? WAIT : BUSY;
	}
	if (fib_is_taken(n->fib, prefix, other, sizeof(other)))
		return WORKS;
	snprintf(why, ERROR_MAX,
		"the node sends its packets by another route, not ours: %s; remove that one, or make "
		"node.metric lower",
		other);
	return WAIT;
}

static enum verdict judge(const struct registrant *r, char *why)
{
	const struct node *n = r->node;
	enum verdict v;

	why[0] = 0;
	if (!n->taken_over) {
		snprintf(why, ERROR_MAX, "what the kernel has is not known yet");
		return BUSY;
	}
	if (!r->member) {
		struct fib_look look;

		fib_look(n->fib, &r->about, &look);
		return look.settled || look.failed ? WORKS : BUSY;
	}
	/* Who has withdrawn need not be in the route. */
	if (r->member->state == NODE_WITHDRAWN)
		return WORKS;
	v = judge_pod(n, r->member, why);
	return v == WORKS ? judge_route(n, r->member, &r->about, why) : v;
}

static void note_problem(struct node_member *m, const char *why)
{
	char text[SUBJECT_TEXT_MAX];

	if (m->problem ? strcmp(m->problem, why) == 0 : !*why)
		return;
	if (*why)
		log_warning("%s: %s", describe_member(m, text), why);
	else
		log_info("%s: works now", describe_member(m, text));
	free(m->problem);
	m->problem = *why ? mem_strdup(why) : NULL;
}

static void answer(struct registrant *r)
{
	r->asking = false;
	if (r->member) {
		r->member->works = !r->error[0];
		note_problem(r->member, r->error);
	}
	control_caller_resume(r->caller);
}

void node_register_look(void *node)
{
	struct node *n = node;
	uint64_t now_ms = node_now_ms(n), next_ms = UINT64_MAX;

	LIST_FOREACH (link, &n->registrants) {
		struct registrant *r = LIST_ENTRY(link, struct registrant, link);
		enum verdict v = r->asking ? judge(r, r->error) : WAIT;
		uint64_t until_ms = r->asked_ms + (v == BUSY ? NODE_BUSY_MS : NODE_WAIT_MS);

		if (!r->asking)
			continue;
		if ((v == WAIT || v == BUSY) && now_ms < until_ms) {
			next_ms = until_ms < next_ms ? until_ms : next_ms;
			continue;
		}
		if (v == WORKS)
			r->error[0] = 0;
		answer(r);
	}
	if (next_ms != UINT64_MAX)
		io_timer_set(n->waiting, (next_ms - now_ms) * 1000);
}

static struct row *next_answer(void *state, char *err)
{
	struct registrant *r = state;
	bool first = !r->answered && r->member && !r->error[0];
	struct row *row;

	snprintf(err, ERROR_MAX, "%s", r->error);
	if (!first)
		return NULL;
	r->answered = true;
	row = row_new();
	row_text(row, "on-exit", r->node->cfg->node.on_exit == CONFIG_ON_EXIT_KEEP ? "keep" : "remove");
	return row;
}

/* The answer waits for the kernel. */
static void ask(
	struct registrant *r, struct node_member *m, const struct prefix *about, struct control_answer *out)
{
	r->asking = true;
	r->member = m;
	r->about = *about;
	r->asked_ms = node_now_ms(r->node);
	r->answered = false;
	*out = (struct control_answer){ next_answer, NULL, r };
	control_caller_hold(r->caller);
	node_changed(r->node);
}

/* --- registrants --- */

static void take_out(struct registrant *r, struct node_member *m)
{
	struct ip_addr pod = m->pod;

	list_del(&m->owned);
	r->member_count--;
	node_table_del(r->node->table, m);
	node_pod_unref(r->node, &pod);
	node_changed(r->node);
}

static void gone(void *attached)
{
	struct registrant *r = attached;
	char text[SUBJECT_TEXT_MAX];

	LIST_FOREACH (link, &r->members) {
		struct node_member *m = LIST_ENTRY(link, struct node_member, owned);

		/* When we end ourselves it is we who close, and nothing is taken out. */
		if (r->node->fib)
			log_info("%s is gone: its connection has ended", describe_member(m, text));
		r->node->gone++;
		take_out(r, m);
	}
	LIST_FOREACH (link, &r->refusals)
		free(LIST_ENTRY(link, struct refusal, link));
	list_del(&r->link);
	free(r);
}

static struct registrant *registrant_of(struct node *n, struct control_answer *out)
{
	struct control_caller *caller = control_answer_caller(out);
	struct registrant *r = control_caller_attached(caller);
	struct io_unix_peer peer;

	if (r)
		return r;
	r = mem_calloc(1, sizeof(*r));
	r->node = n;
	r->caller = caller;
	list_init(&r->members);
	list_init(&r->refusals);
	list_add_tail(&n->registrants, &r->link);
	if (io_unix_peer(control_caller_client(caller), &peer))
		r->pid = (int)peer.pid;
	control_caller_attach(caller, r, gone);
	return r;
}

static struct node_member *find(const struct registrant *r, const struct subject *s)
{
	LIST_FOREACH (link, &r->members) {
		struct node_member *m = LIST_ENTRY(link, struct node_member, owned);

		if (ip_addr_equal(&m->pod, &s->pod) && prefix_equal(node_member_prefix(m), &s->prefix))
			return m;
	}
	return NULL;
}

/* --- requests --- */

/* Each is worth one line, however often it is asked for. */
static void log_refusal(struct registrant *r, const char *text)
{
	struct refusal *f;

	LIST_FOREACH (link, &r->refusals)
		if (strcmp(LIST_ENTRY(link, struct refusal, link)->text, text) == 0)
			return;
	if (r->refusal_count == MEMBERS_MAX)
		return;
	f = mem_calloc(1, sizeof(*f));
	snprintf(f->text, sizeof(f->text), "%s", text);
	list_add_tail(&r->refusals, &f->link);
	r->refusal_count++;
	log_warning("refused: %s", text);
}

/* Returns false, for the caller to return. */
static bool refuse(struct registrant *r, const struct row *args, const char *why, char *err)
{
	const char *prefix = row_get_text(args, "prefix"), *pod = row_get_text(args, "pod");
	char text[ERROR_MAX];

	snprintf(text, sizeof(text), "service %.50s: pod %.50s: %s", prefix ? prefix : "?", pod ? pod : "?",
		why);
	snprintf(err, ERROR_MAX, NODE_REFUSED "%s", why);
	r->node->refused++;
	log_refusal(r, text);
	return false;
}

/* NULL, or what is wrong. */
static const char *read_subject(const struct row *args, struct subject *out)
{
	const char *prefix = row_get_text(args, "prefix"), *pod = row_get_text(args, "pod");
	bool host_bits = false;

	if (row_get_int(args, "version", 0) != NODE_VERSION)
		return "it speaks another version of the protocol: lb-announcer and lb-announcer --node must "
		       "be of one release, or of neighboring ones";
	if (!prefix || !prefix_parse(prefix, &out->prefix, &host_bits) || host_bits)
		return "\"prefix\" is not a prefix";
	if (!pod || !ip_addr_parse(pod, &out->pod))
		return "\"pod\" is not an address";
	if (out->pod.family != out->prefix.family)
		return "prefix and pod are not of one family";
	return NULL;
}

static bool is_in(const struct prefix *list, size_t count, const struct prefix *p)
{
	for (size_t i = 0; i < count; i++)
		if (prefix_contains(&list[i], p))
			return true;
	return false;
}

static const char *forbidden(const struct config_node_settings *c, const struct subject *s)
{
	struct prefix pod = prefix_host(&s->pod);

	if (!is_in(c->services, c->service_count, &s->prefix))
		return "the prefix is in none of node.services";
	if (!is_in(c->pods, c->pod_count, &pod))
		return "the pod's address is in none of node.pods";
	return NULL;
}

static bool read_state(const struct row *args, enum node_state *out)
{
	const char *name = row_get_text(args, "state");

	for (enum node_state s = NODE_ANNOUNCING; name && s < NODE_STATES; s++) {
		if (strcmp(name, node_state_text(s)) != 0)
			continue;
		*out = s;
		return true;
	}
	return false;
}

static struct node_member *enter(struct registrant *r, const struct subject *s)
{
	struct node_member *m = node_table_add(r->node->table, &s->prefix, &s->pod, r);

	m->since_ms = node_now_ms(r->node);
	list_add_tail(&r->members, &m->owned);
	r->member_count++;
	node_pod_ref(r->node, &s->pod);
	r->node->registered++;
	return m;
}

static void set_name(struct registrant *r, const char *name)
{
	size_t i = 0;

	/* Another's text, for our log: what is printable of it. */
	for (; name && *name && i + 1 < sizeof(r->name); name++)
		if (*name > ' ' && *name < 0x7f)
			r->name[i++] = *name;
	r->name[i] = 0;
}

static bool do_register(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct node *n = user;
	struct registrant *r = registrant_of(n, out);
	int64_t capacity = row_get_int(args, "capacity", 0);
	struct subject s;
	enum node_state state = NODE_WITHDRAWN;
	const char *wrong = read_subject(args, &s);
	struct node_member *m;
	char text[SUBJECT_TEXT_MAX];
	bool is_new;

	if (!wrong && (!read_state(args, &state) || capacity < 1))
		wrong = "\"state\" must be one of announcing, draining, withdrawn, and \"capacity\" bits per "
			"second";
	m = wrong ? NULL : find(r, &s);
	if (!wrong)
		wrong = forbidden(&n->cfg->node, &s);
	/* It was allowed when it came. */
	if (wrong && m)
		take_out(r, m);
	if (!wrong && !m && r->member_count == MEMBERS_MAX)
		wrong = "one connection can register 256 services at most";
	set_name(r, row_get_text(args, "name"));
	if (wrong)
		return refuse(r, args, wrong, err);
	is_new = !m;
	if (!m)
		m = enter(r, &s);
	if (is_new || m->state != state)
		log_info("%s %s%s", describe(r, &s, text), is_new ? "has registered, " : "is ",
			node_state_text(state));
	m->works &= m->state != NODE_WITHDRAWN && state != NODE_WITHDRAWN;
	node_table_set(n->table, m, state, (uint64_t)capacity);
	ask(r, m, &s.prefix, out);
	return true;
}

static bool do_unregister(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct registrant *r = registrant_of(user, out);
	struct subject s;
	const char *wrong = read_subject(args, &s);
	struct node_member *m = wrong ? NULL : find(r, &s);
	char text[SUBJECT_TEXT_MAX];

	if (!wrong && !m)
		wrong = "it is not registered over this connection";
	if (wrong)
		return refuse(r, args, wrong, err);
	log_info("%s has taken its leave", describe_member(m, text));
	take_out(r, m);
	ask(r, NULL, &s.prefix, out);
	return true;
}

/* --- other lists of what is allowed --- */

size_t node_register_strays(const struct node *n, const struct config_node_settings *c)
{
	size_t strays = 0;

	LIST_FOREACH (r, &n->registrants) {
		LIST_FOREACH (link, &LIST_ENTRY(r, struct registrant, link)->members) {
			struct node_member *m = LIST_ENTRY(link, struct node_member, owned);

			strays += forbidden(c, &(struct subject){ *node_member_prefix(m), m->pod }) != NULL;
		}
	}
	return strays;
}

static void drop_strays(struct node *n, struct registrant *r)
{
	LIST_FOREACH (link, &r->members) {
		struct node_member *m = LIST_ENTRY(link, struct node_member, owned);
		const char *why = forbidden(
			&n->cfg->node, &(struct subject){ *node_member_prefix(m), m->pod });
		char text[SUBJECT_TEXT_MAX];

		/* A question about it is answered first, and is asked again. */
		if (!why || (r->asking && r->member == m))
			continue;
		log_warning("%s is out: %s", describe_member(m, text), why);
		take_out(r, m);
	}
}

void node_register_drop_strays(void *node)
{
	struct node *n = node;

	LIST_FOREACH (link, &n->registrants)
		drop_strays(n, LIST_ENTRY(link, struct registrant, link));
}

const struct control_handler node_registry_handlers[] = {
	{ "register", do_register },
	{ "unregister", do_unregister },
	{ NULL, NULL },
};
