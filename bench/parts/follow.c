/*
 * The sources of a configuration of lb-ipvs-agent, without IPVS: what they tell is written to files.
 *
 *	follow CONFIG DIRECTORY
 *
 * For each service DIRECTORY/NAME.json holds its source's last list and how it is; it is replaced whenever that changes. For tests and
 * benchmarks of sources where the kernel has no IPVS, and where a list's way into it is not what is looked at.
 */
#include "agent/source.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/row_net.h"
#include "kube/kube.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_US = 20000, KEY_MAX = PREFIX_TEXT_MAX + 8 };

struct service {
	const struct config_virtual *cfg;
	struct source *source;
	char *servers; /* of the last list: an object of address and port to state */
	unsigned told;
	char *written;
};

struct follow {
	struct io_loop *loop;
	struct io_timer *look;
	struct config_agent *cfg;
	const char *directory;
	struct service *services;
};

static void changed(void *user, const struct endpoint_list *list)
{
	static const char *const states[] = { "ready", "terminating", "unready" };
	struct service *s = user;
	struct row *servers = row_new();
	char address[PREFIX_TEXT_MAX], key[KEY_MAX];

	if (!list)
		return row_free(servers);

	for (size_t i = 0; i < list->count; i++) {
		const struct endpoint *e = &list->list[i];

		snprintf(key, sizeof(key), e->addr.family == IP_V6 ? "[%s]:%u" : "%s:%u",
			ip_addr_format(&e->addr, address), e->port);
		row_text(servers, key, states[e->state]);
	}
	free(s->servers);
	s->servers = row_format(servers);
	row_free(servers);
	s->told++;
}

static void put_view(struct row *r, const struct service *s)
{
	struct row *troubles = row_new();
	struct kube_view v;

	if (!source_kubernetes_view(s->source, &v))
		return row_free(troubles);
	row_text(r, "state", kube_state_text(v.state));
	row_bool(r, "listed", v.listed);
	row_int(r, "lists", (int64_t)v.lists);
	row_int(r, "events", (int64_t)v.events);
	row_int(r, "slices", (int64_t)v.size.slices);
	row_int(r, "endpoints", (int64_t)v.size.endpoints);
	row_int(r, "octets", (int64_t)v.size.octets);
	for (int t = 0; t < KUBE_TROUBLES; t++)
		row_int(troubles, kube_trouble_text((enum kube_trouble)t), (int64_t)v.troubles[t]);
	row_put(r, "troubles", troubles);
}

static char *describe(const struct service *s)
{
	struct source_status st;
	struct row *r = row_new();
	char *text;

	source_status(s->source, &st);
	row_text(r, "source", source_name(s->source));
	row_bool(r, "told", st.told);
	row_int(r, "lists-told", s->told);
	row_int(r, "failures", (int64_t)st.failures);
	row_text(r, "error", st.error);
	put_view(r, s);
	text = row_format(r);
	row_free(r);
	if (s->servers) {
		char *all = mem_printf("%.*s,\"servers\":%s}", (int)strlen(text) - 1, text, s->servers);

		free(text);
		text = all;
	}
	return text;
}

static void write_file(const struct follow *f, const struct service *s)
{
	char *path = mem_printf("%s/%s.json", f->directory, s->cfg->name);
	char *new = mem_printf("%s.new", path);
	FILE *out = fopen(new, "we");

	if (!out || fputs(s->written, out) < 0 || fclose(out) != 0 || rename(new, path) != 0)
		log_error("%s cannot be written", path);
	free(new);
	free(path);
}

static void look(void *user)
{
	struct follow *f = user;

	for (size_t i = 0; i < f->cfg->service_count; i++) {
		struct service *s = &f->services[i];
		char *now = describe(s);

		if (s->written && strcmp(s->written, now) == 0) {
			free(now);
			continue;
		}
		free(s->written);
		s->written = now;
		write_file(f, s);
	}
	io_timer_set(f->look, LOOK_US);
}

static void stop(void *user)
{
	io_loop_stop(((struct follow *)user)->loop);
}

static void run(struct follow *f)
{
	struct io_signal *term = io_signal_new(f->loop, SIGTERM, stop, f);
	struct source_env env = { .loop = f->loop,
		.resolver = io_worker_new(f->loop, "resolver"),
		.files = io_file_watch_new(f->loop) };

	env.kube = kube_new(f->loop, env.resolver, &f->cfg->kubernetes);
	for (size_t i = 0; i < f->cfg->service_count; i++) {
		struct service *s = &f->services[i];

		s->cfg = &f->cfg->services[i];
		env.protocol = (uint8_t)s->cfg->protocol;
		env.own_port = s->cfg->forward != CONFIG_FORWARD_NAT;
		s->source = source_new(&env, &s->cfg->source, changed, s);
	}
	f->look = io_timer_new(f->loop, look, f);
	io_timer_set(f->look, 0);
	io_loop_run(f->loop);
	for (size_t i = 0; i < f->cfg->service_count; i++) {
		source_free(f->services[i].source);
		free(f->services[i].servers);
		free(f->services[i].written);
	}
	kube_free(env.kube);
	io_worker_free(env.resolver, source_drop_work);
	io_file_watch_free(env.files);
	io_timer_free(f->look);
	io_signal_free(term);
}

int main(int argc, char **argv)
{
	struct config_errors *errs = config_errors_new();
	struct follow f = { 0 };

	log_init("follow", LOG_TO_STDERR, LOG_LEVEL_DEBUG);
	if (argc != 3 || !(f.cfg = config_agent_load(argv[1], errs))) {
		char *text = config_errors_format(errs);

		fprintf(stderr, "%susage: follow CONFIG DIRECTORY\n", text);
		free(text);
		config_errors_free(errs);
		return EXIT_FAILURE;
	}
	config_errors_free(errs);
	signal(SIGPIPE, SIG_IGN);
	f.directory = argv[2];
	f.services = mem_calloc(f.cfg->service_count + 1, sizeof(*f.services));
	f.loop = io_loop_new();
	run(&f);
	io_loop_free(f.loop);
	config_agent_free(f.cfg);
	free(f.services);
	return EXIT_SUCCESS;
}
