/*
 * The state machine of one BGP connection as a table. RFC 4271 8, RFC 6608, RFC 9687. Pure: no clock, no socket.
 *
 * Each connection runs its own instance (RFC 4271 8.2.1); session.c joins the instances of a neighbor. The table says
 * what to do, conn.c does it. It differs from the letter of RFC 4271 8.2.2 in these cells, each for a reason:
 *   - Connect and Active, TcpConnectionFails: Active with the ConnectRetryTimer running on, not Idle. Idle would refuse
 *     the peer's own attempt in the meantime.
 *   - OpenSent, NotifMsg: closed like NotifMsgVerErr. A NOTIFICATION is never answered by one (RFC 4271 6.4).
 *   - OpenConfirm and Established, BGPOpen: FSM error. It means a second OPEN on this same connection here; an OPEN on
 *     the neighbor's other connection is decided by collision.c and comes as OpenCollisionDump.
 *   - Established, BGPHeaderErr: the NOTIFICATION that RFC 4271 6.1 asks for, not an FSM error.
 * ConnectRetryCounter, DelayOpen and the damping of RFC 4271 8.1 are not kept here: delays are session.c's.
 */
#pragma once

#include "session/session.h"

#include <stdint.h>

/* With the event numbers of RFC 4271 8.1, and of RFC 9687. A valid ROUTE-REFRESH has none. */
enum fsm_event {
	FSM_MANUAL_START,	     /* 1 */
	FSM_MANUAL_STOP,	     /* 2 */
	FSM_AUTOMATIC_START,	     /* 3 */
	FSM_MANUAL_START_PASSIVE,    /* 4 */
	FSM_AUTOMATIC_START_PASSIVE, /* 5 */
	FSM_AUTOMATIC_STOP,	     /* 8 */
	FSM_CONNECT_RETRY_EXPIRES,   /* 9 */
	FSM_HOLD_EXPIRES,	     /* 10 */
	FSM_KEEPALIVE_EXPIRES,	     /* 11 */
	FSM_TCP_CR_ACKED,	     /* 16: our connection is there */
	FSM_TCP_CONFIRMED,	     /* 17: the peer's connection is there */
	FSM_TCP_FAILS,		     /* 18 */
	FSM_BGP_OPEN,		     /* 19: well-formed, acceptable, and no collision lost */
	FSM_HEADER_ERR,		     /* 21 */
	FSM_OPEN_MSG_ERR,	     /* 22 */
	FSM_COLLISION_DUMP,	     /* 23 */
	FSM_NOTIF_MSG_VER_ERR,	     /* 24 */
	FSM_NOTIF_MSG,		     /* 25 */
	FSM_KEEPALIVE_MSG,	     /* 26 */
	FSM_UPDATE_MSG,		     /* 27 */
	FSM_UPDATE_MSG_ERR,	     /* 28 */
	FSM_SEND_HOLD_EXPIRES,	     /* 29 */
	FSM_REFRESH_MSG,	     /* RFC 2918 */
	FSM_REFRESH_MSG_ERR,	     /* RFC 7313 5 */
	FSM_EVENTS,
};

/* What to do, in the order in which it is to be done. */
enum fsm_action {
	FSM_NOTIFY = 1 << 0,	       /* send the NOTIFICATION that came with the event */
	FSM_NOTIFY_FSM_ERROR = 1 << 1, /* send FSM Error, subcode by state (RFC 6608) */
	FSM_DROP = 1 << 2,	       /* stop the connection's timers, close its socket */
	FSM_RETRY_STOP = 1 << 3,       /* ConnectRetryTimer */
	FSM_RETRY_START = 1 << 4,
	FSM_CONNECT = 1 << 5, /* begin a TCP connection */
	FSM_SEND_OPEN = 1 << 6,
	FSM_SEND_KEEPALIVE = 1 << 7,
	FSM_HOLD_LARGE = 1 << 8,       /* start the HoldTimer with its large value */
	FSM_HOLD_START = 1 << 9,       /* (re)start it with the negotiated value; not when that is 0 */
	FSM_KEEPALIVE_START = 1 << 10, /* not when the negotiated hold time is 0 */
	FSM_UP = 1 << 11,
	FSM_DOWN = 1 << 12,
	FSM_UPDATE = 1 << 13,  /* take the UPDATE in */
	FSM_REFRESH = 1 << 14, /* serve the ROUTE-REFRESH */
};

struct fsm_cell {
	uint8_t next;	  /* enum session_state */
	uint16_t actions; /* enum fsm_action */
};

struct fsm_cell fsm_step(enum session_state state, enum fsm_event event);
/* The RFC's name of an event: "TcpConnectionFails". */
const char *fsm_event_text(enum fsm_event event);
