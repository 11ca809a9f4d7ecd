/* The answers about the configuration: show config, and reload with what it changes. */
#include "rrd/reload.h"
#include "rrd/show.h"

bool show_config(void *user, const struct row *args, struct control_answer *out, char *err)
{
	const struct rrd *r = user;

	(void)err;
	return reload_show_config(&config_rrd_schema, r->cfg, r->cfg->root, args, out);
}

bool reload(void *user, const struct row *args, struct control_answer *out, char *err)
{
	struct rrd *r = user;

	return reload_answer(&r->reload, args, out, err);
}
