#include "bgp/queue.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_SIZE = 16 * 1024 };

struct piece {
	struct list link;
	size_t size, begin, end;
	uint8_t data[];
};

void bgp_queue_init(struct bgp_queue *q)
{
	*q = (struct bgp_queue){ .octets = 0 };
	list_init(&q->pieces);
}

static void drop(struct piece *p)
{
	list_del(&p->link);
	free(p);
}

void bgp_queue_fini(struct bgp_queue *q)
{
	LIST_FOREACH (l, &q->pieces)
		drop(LIST_ENTRY(l, struct piece, link));
	bgp_queue_init(q);
}

static struct piece *new_piece(size_t size)
{
	struct piece *p = mem_alloc(sizeof(*p) + size);

	*p = (struct piece){ .size = size };
	return p;
}

uint8_t *bgp_queue_room(struct bgp_queue *q, size_t len)
{
	struct piece *p = list_empty(&q->pieces) ? NULL : LIST_ENTRY(q->pieces.prev, struct piece, link);

	if (!p || p->size - p->end < len) {
		p = new_piece(len > PIECE_SIZE ? len : PIECE_SIZE);
		list_add_tail(&q->pieces, &p->link);
	}
	return p->data + p->end;
}

void bgp_queue_commit(struct bgp_queue *q, size_t len)
{
	LIST_ENTRY(q->pieces.prev, struct piece, link)->end += len;
	q->octets += len;
}

void bgp_queue_put_rest(struct bgp_queue *q, const uint8_t *data, size_t len)
{
	struct piece *p = new_piece(len);

	memcpy(p->data, data, len);
	p->end = len;
	list_add_after(&q->pieces, &p->link);
	q->octets += len;
	q->rest = len;
}

int bgp_queue_peek(const struct bgp_queue *q, struct iovec *iov, int max, size_t *total)
{
	int n = 0;

	LIST_FOREACH (l, (struct list *)(uintptr_t)&q->pieces) {
		struct piece *p = LIST_ENTRY(l, struct piece, link);

		if (n == max)
			break;
		if (p->begin == p->end)
			continue;
		iov[n++] = (struct iovec){ p->data + p->begin, p->end - p->begin };
		*total += p->end - p->begin;
	}
	return n;
}

size_t bgp_message_rest(const uint8_t *data, size_t octets, size_t rest)
{
	while (octets > rest) {
		data += rest;
		octets -= rest;
		/* At a boundary: a header, whose length field is at octets 16 and 17. All of it is in memory, even when
		 * only a part was sent. */
		rest = (size_t)data[16] << 8 | data[17];
	}
	return rest - octets;
}

void bgp_queue_consume(struct bgp_queue *q, size_t octets)
{
	q->octets -= octets;
	while (octets) {
		struct piece *p = LIST_ENTRY(q->pieces.next, struct piece, link);
		size_t n = p->end - p->begin < octets ? p->end - p->begin : octets;

		q->rest = bgp_message_rest(p->data + p->begin, n, q->rest);
		p->begin += n;
		octets -= n;
		if (p->begin == p->end)
			drop(p);
	}
}
