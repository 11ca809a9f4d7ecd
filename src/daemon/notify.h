/*
 * Telling the service manager how the process is: sd_notify(3)'s protocol, datagrams to the socket $NOTIFY_SOCKET names.
 *
 * Each function returns 1 when the message was sent, 0 when there is no service manager, -errno when sending failed;
 * a daemon can go on in any case.
 */
#pragma once

enum daemon_phase { DAEMON_READY, DAEMON_RELOADING, DAEMON_STOPPING };

/* status: one line for humans; NULL leaves it to the pulse (pulse.h), which does not know what was told here. After
 * DAEMON_RELOADING comes DAEMON_READY when it is done. */
int daemon_notify(enum daemon_phase phase, const char *status);
int daemon_notify_status(const char *status);
/* Still alive, for WatchdogSec=. */
int daemon_notify_watchdog(void);
