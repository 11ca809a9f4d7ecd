/*
 * What the Kubernetes API says of EndpointSlices: a page of a list, a line of a watch, and why it refuses. Pure.
 *
 *	list:   {"kind": "EndpointSliceList", "metadata": {"resourceVersion": "...", "continue": "..."}, "items": [...]}
 *	watch:  {"type": "ADDED", "object": {"kind": "EndpointSlice", ...}}	a line each
 *	no:     {"kind": "Status", "code": 410, "reason": "Expired", "message": "..."}
 *
 * A resource version is opaque: it is kept, sent back, and compared with nothing. What comes in the place of these (a proxy's
 * page, a redirect's text, half a line) is refused with its beginning quoted, fit for a log.
 */
#pragma once

#include "base/row.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum { KUBE_VERSION_MAX = 128, KUBE_CONTINUE_MAX = 4096 };

struct kube_page {
	struct row *row;	 /* owns the rest */
	const struct row *items; /* NULL: none */
	const char *version;	 /* of the whole list */
	const char *more;	 /* what to ask the next page with; NULL: this is the last */
};

enum kube_event_type { KUBE_ADDED, KUBE_MODIFIED, KUBE_DELETED, KUBE_BOOKMARK, KUBE_ERROR };

struct kube_event {
	struct row *row; /* owns the rest */
	enum kube_event_type type;
	const struct row *object; /* the slice; ERROR: the Status */
	const char *version;	  /* the object's; NULL for an ERROR */
	int code;		  /* ERROR: as an HTTP status; 0: it says none */
};

/* False, with the reason in why, when it is not what the API would say; out is then empty. */
bool kube_page_parse(const char *body, size_t len, struct kube_page *out, struct text *why);
void kube_page_fini(struct kube_page *p);
bool kube_event_parse(const char *line, size_t len, struct kube_event *out, struct text *why);
void kube_event_fini(struct kube_event *e);

/* Adds what a Status says: its reason and message, one line. */
void kube_status_text(const struct row *status, struct text *out);
/* Adds what the body of a refusal says: a Status, or the beginning of whatever it is; nothing for an empty one. */
void kube_refusal_text(const char *body, size_t len, struct text *out);
