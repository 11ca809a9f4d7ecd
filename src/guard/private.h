/* What the files of guard/ share. */
#pragma once

#include "control/feed.h"
#include "guard/guard.h"

struct guards {
	struct io_loop *loop;
	struct bfd *bfd;
	struct control_feed *feed;
	enum guards_program program;
	bool quota_told;
};

struct guard {
	struct guards *guards;
	struct session *session;
	struct bfd_session *bfd;
	const char *name; /* or NULL */
	enum config_bfd_hops multihop;
	struct bfd_auth auth;
	bool passive;
};
