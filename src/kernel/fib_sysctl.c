/* What the FIB says about the kernel's settings, and mends only if told to. */
#include "kernel/fib_private.h"

#include <string.h>

static bool is_known(const struct fib *f, const char *key)
{
	for (size_t i = 0; i < f->sysctl_count; i++)
		if (strcmp(f->sysctl[i].key, key) == 0)
			return true;
	return false;
}

/* Whether it is right now. */
static bool mend(const struct fib *f, const struct kernel_sysctl *s)
{
	int error;

	if (f->cfg.sysctls != FIB_SYSCTLS_SET)
		return false;
	error = kernel_sysctl_write(s->key, s->wanted);
	if (!error)
		log_info("kernel: %s was %ld and is set to %ld: %s", s->key, s->value, s->wanted, s->reason);
	else if (!is_known(f, s->key))
		log_warning("kernel: %s cannot be set to %ld: %s", s->key, s->wanted, strerror(-error));
	return !error;
}

void fib_sysctl_look(struct fib *f)
{
	struct kernel_sysctl wrong[KERNEL_SYSCTLS_MAX];
	size_t count, kept = 0;

	if (f->cfg.sysctls == FIB_SYSCTLS_IGNORE)
		return;
	count = kernel_sysctls_check(f->cfg.ipv4, f->cfg.ipv6, wrong);
	for (size_t i = 0; i < count; i++) {
		const struct kernel_sysctl *s = &wrong[i];

		if (mend(f, s))
			continue;
		if (!is_known(f, s->key))
			log_warning("kernel: %s is %ld: %s; mend it with \"sysctl -w %s=%ld\"", s->key,
				s->value, s->reason, s->key, s->wanted);
		wrong[kept++] = *s;
	}
	memcpy(f->sysctl, wrong, kept * sizeof(*wrong));
	f->sysctl_count = kept;
}

void fib_sysctl_rows(const struct fib *f, struct row *status)
{
	struct row *list = row_new_list();

	for (size_t i = 0; i < f->sysctl_count; i++) {
		const struct kernel_sysctl *s = &f->sysctl[i];
		struct row *r = row_new();

		row_text(r, "key", s->key);
		row_int(r, "value", s->value);
		row_int(r, "wanted", s->wanted);
		row_text(r, "reason", s->reason);
		row_append(list, r);
	}
	row_put(status, "sysctls", list);
}
