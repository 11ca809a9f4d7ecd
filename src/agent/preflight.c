#include "agent/preflight.h"

#include "agent/masquerade.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/capability.h"
#include "io/loop.h"
#include "ipvs/ipvs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ADVICE_ROOM = 4096, ERR_ROOM = 512 };

/* --- the world --- */

/* The initial one maps all of the 32-bit range onto itself. Without the file the kernel knows no others. */
static bool in_first_user_space(void)
{
	FILE *f = fopen("/proc/self/uid_map", "re");
	unsigned long inside = 0, outside = 0, count = UINT32_MAX;

	if (f) {
		if (fscanf(f, "%lu %lu %lu", &inside, &outside, &count) != 3)
			count = 0;
		fclose(f);
	}
	return inside == 0 && outside == 0 && count == UINT32_MAX;
}

static bool has_program(const char *name)
{
	return masquerade_program(name, 0) != NULL;
}

static bool has_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* As the user that we are: the children have no other rights over files. */
static bool can_lock(void)
{
	if (access("/run/xtables.lock", R_OK) == 0)
		return true;
	return errno == ENOENT && access("/run", W_OK) == 0;
}

void preflight_look(const char *ipvs_error, struct preflight_world *out)
{
	*out = (struct preflight_world){ .net_admin = daemon_has_capability(DAEMON_CAP_NET_ADMIN),
		.net_raw = daemon_has_capability(DAEMON_CAP_NET_RAW),
		.iptables_lock = can_lock(),
		.first_user_space = in_first_user_space(),
		.ipvs_error = ipvs_error,
		.module = kernel_module_look,
		.way = local_route_way,
		.program = has_program,
		.directory = has_directory };
}

/* --- start --- */

static void log_finding(const struct preflight_finding *f)
{
	static const enum log_level levels[] = { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO };

	log_write(levels[f->grade], "%s%s%s", f->what, f->todo[0] ? "; " : "", f->todo);
}

bool preflight_start(const struct config_agent *cfg)
{
	struct preflight *p = mem_calloc(1, sizeof(*p));
	struct preflight_world w;
	bool good;

	preflight_look(NULL, &w);
	preflight_judge(cfg, &w, NULL, p);
	for (size_t i = 0; i < p->count; i++)
		log_finding(&p->list[i]);
	good = !preflight_has(p, PREFLIGHT_PROBLEM);
	free(p);
	return good;
}

bool preflight_again(const struct config_agent *cfg, struct preflight_finding *out)
{
	struct preflight *p = mem_calloc(1, sizeof(*p));
	struct preflight_world w;
	bool good = true;

	preflight_look(NULL, &w);
	preflight_judge(cfg, &w, NULL, p);
	for (size_t i = 0; good && i < p->count; i++) {
		good = p->list[i].grade != PREFLIGHT_PROBLEM;
		if (!good)
			*out = p->list[i];
	}
	free(p);
	return good;
}

/* --- --check --- */

static void ignore(void *user)
{
	(void)user;
}

static void ignore_service(void *user, const struct ipvs_key *key)
{
	(void)user;
	(void)key;
}

static void ignore_failure(void *user, const char *why)
{
	(void)user;
	(void)why;
}

/* Speaks to IPVS, which loads it, and changes nothing. True, or a reason in err. */
static bool ipvs_answers(char *err, size_t err_size)
{
	static const struct ipvs_ops ops = { ignore, ignore_service, ignore_failure, ignore };
	static const struct ipvs_config cfg = { .mh_table_size = 4093 };
	struct io_loop *loop = io_loop_new();
	struct ipvs *i = ipvs_new(loop, &cfg, &ops, NULL, err, err_size);

	ipvs_free(i);
	io_loop_free(loop);
	return i != NULL;
}

static void print_finding(const struct preflight_finding *f)
{
	static const char *const words[] = { "problem", "not yet", "note" };

	printf("%s: %s\n", words[f->grade], f->what);
	if (f->todo[0])
		printf("    do: %s\n", f->todo);
}

static bool print_all(const struct preflight *p)
{
	bool good = !preflight_has(p, PREFLIGHT_PROBLEM) && !preflight_has(p, PREFLIGHT_NOT_YET);

	for (enum preflight_grade g = PREFLIGHT_PROBLEM; g <= PREFLIGHT_NOTE; g++)
		for (size_t i = 0; i < p->count; i++)
			if (p->list[i].grade == g)
				print_finding(&p->list[i]);
	if (p->left_out)
		printf("and %zu more\n", p->left_out);
	return good;
}

int preflight_main(const struct config_agent *cfg, const char *path)
{
	struct preflight *p = mem_calloc(1, sizeof(*p));
	char err[ERR_ROOM] = "", buf[ADVICE_ROOM];
	struct text advice = text_init(buf, sizeof(buf));
	bool answers = ipvs_answers(err, sizeof(err)), good;
	struct preflight_world w;
	struct needs_state s;

	preflight_look(answers ? NULL : err, &w);
	needs_look(cfg, &s);
	/* Without IPVS there are none of its settings either, and that is said already. */
	preflight_judge(cfg, &w, answers ? &s : NULL, p);
	good = print_all(p);
	if (answers)
		needs_advice(&s, &advice);
	if (buf[0])
		printf("for the settings that cannot be set here:\n%s", buf);
	printf("%s: %s\n", path, good ? "good" : "not good");
	free(p);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
