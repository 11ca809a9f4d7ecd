/*
 * The commands of every daemon, in the order in which they are listed to people.
 *
 * A daemon gives a handler (server.h) for each row of its own and is told at once when one is missing; rrctl gives a view for
 * each that is for people. What is not for people is spoken between the daemons.
 */
#include "control/catalog.h"

#include <stddef.h>

#define ARGUMENTS(...)                                                                                       \
	(const struct control_argument[])                                                                    \
	{                                                                                                    \
		__VA_ARGS__,                                                                                 \
		{                                                                                            \
			.key = NULL                                                                          \
		}                                                                                            \
	}

#define OF_SERVICE ARGUMENTS({ .key = "service", .type = CONTROL_SERVICE })
#define NEIGHBOR   ARGUMENTS({ .key = "address", .type = CONTROL_ADDRESS, .required = true })
#define SERVER	   ARGUMENTS({ .key = "server", .type = CONTROL_SERVER, .required = true }, IN_SERVICE)
#define IN_SERVICE                                                                                           \
	{                                                                                                    \
		.key = "service", .type = CONTROL_SERVICE, .keyword = "service"                              \
	}
#define ALL                                                                                                  \
	{                                                                                                    \
		.key = "all", .type = CONTROL_FLAG                                                           \
	}
#define REGISTERED                                                                                           \
	{ .key = "version", .type = CONTROL_NUMBER, .required = true },                                      \
		{ .key = "prefix", .type = CONTROL_TEXT, .required = true },                                 \
	{                                                                                                    \
		.key = "pod", .type = CONTROL_TEXT, .required = true                                         \
	}

const struct control_command control_catalog[] = {
	{ OF_SPEAKERS, "show neighbors", .help = "all neighbors, a line each" },
	{ OF_SPEAKERS, "show neighbor", .help = "everything about one neighbor", .arguments = NEIGHBOR },
	{ OF_RRD, "show routes", .help = "the table, a line per path; longer: all in PREFIX",
		.arguments = ARGUMENTS({ .key = "prefix", .type = CONTROL_PREFIX },
			{ .key = "longer", .type = CONTROL_FLAG, .behind = true }) },
	{ OF_RRD, "show route", .help = "one prefix, with the reason for each path",
		.arguments = ARGUMENTS({ .key = "prefix", .type = CONTROL_PREFIX, .required = true },
			{ .key = "why", .type = CONTROL_FLAG }) },
	{ OF_RRD, "show route for", .help = "the longest prefix that has ADDRESS in it, as show route",
		.arguments = ARGUMENTS({ .key = "address", .type = CONTROL_ADDRESS, .required = true },
			{ .key = "why", .type = CONTROL_FLAG }) },
	{ OF_RRD, "show received", .help = "the paths taken from a neighbor", .arguments = NEIGHBOR },
	{ OF_RRD, "show advertised", .help = "the paths a neighbor was told of, as it was told",
		.arguments = NEIGHBOR },
	{ OF_RRD, "show rejected", .help = "the routes refused last of a neighbor, with the reason",
		.arguments = NEIGHBOR },
	{ OF_ANNOUNCER, "show routes", .help = "the services, a line each" },
	{ OF_ANNOUNCER, "show services", .help = "why each service is announced, or not" },
	{ OF_ANNOUNCER, "show agent", .help = "what is heard of lb-ipvs-agent, and what it was told" },
	{ OF_RRD, "show fib", .help = "routes of the kernel that are ours, a line per next hop" },
	{ OF_RRD, "show nexthops", .help = "the next hops of all paths, and how they are reached" },
	{ OF_RRD, "show ranges", .help = "ranges of dynamic neighbors" },
	{ OF_RRD, "show ranges failed", .help = "who of the ranges did not come up lately, and why" },
	{ OF_SPEAKERS, "show bfd", .help = "the BFD sessions that guard neighbors" },
	{ OF_SPEAKERS, "show memory", .help = "what the tables hold" },
	{ OF_AGENT, "show services", .help = "the virtual services, a line each", .arguments = OF_SERVICE },
	{ OF_AGENT, "show servers", .help = "the real servers, of all services or of one",
		.arguments = OF_SERVICE },
	{ OF_AGENT, "show checks", .help = "the health checks and their last results",
		.arguments = OF_SERVICE },
	{ OF_AGENT, "show table", .help = "the scheduler's table: each server's share of the slots",
		.arguments = OF_SERVICE },
	{ OF_AGENT, "show sources", .help = "where the servers come from", .arguments = OF_SERVICE },
	{ OF_ANNOUNCER, "show ready", .help = "whether all services are announced; if not, exit status 1" },
	{ OF_AGENT, "show ready", .help = "whether the kernel has what is wanted; if not, exit status 1" },
	{ OF_NODE, "show services", .help = "who has registered what, a line each" },
	{ OF_NODE, "show routes", .help = "the node's routes that are ours, a line per next hop" },
	{ OF_ALL, "show status", .help = "the daemon at a glance" },
	{ OF_ALL, "show log", .help = "where lines of the log go, and how many were lost" },
	{ OF_ALL, "log level", .help = "the least important lines that are written, until the next reload",
		.changes = true,
		.arguments = ARGUMENTS({ .key = "level",
			.type = CONTROL_WORD,
			.required = true,
			.words = "error|warning|info|debug" }) },
	{ OF_SPEAKERS, "log debug",
		.help = "log sessions and messages of neighbors in detail, until the next reload",
		.changes = true,
		.arguments = ARGUMENTS({ .key = "neighbors", .type = CONTROL_NEIGHBORS, .required = true },
			{ .key = "off", .type = CONTROL_FLAG }) },
	{ OF_ALL, "metrics", .help = "every counter and gauge, as Prometheus reads them" },
	{ OF_ALL | OF_REGISTRY, "version", .help = "the daemon's release, and the protocol it speaks" },
	{ OF_ALL | OF_REGISTRY, "help", .help = "the daemon's commands and what they take" },
	{ OF_ANNOUNCER | OF_AGENT, "watch", .help = "what happens, as it happens, until it is interrupted" },
	{ OF_SPEAKERS, "clear neighbor", .help = "end the session, which then starts again; tell TEXT",
		.changes = true,
		.arguments = ARGUMENTS({ .key = "address", .type = CONTROL_ADDRESS_OR_ALL, .required = true },
			{ .key = "text", .type = CONTROL_TEXT }) },
	{ OF_SPEAKERS, "shutdown", .help = "end the session; no new one until enable; tell TEXT",
		.changes = true, .written_out = true,
		.arguments = ARGUMENTS({ .key = "address", .type = CONTROL_ADDRESS, .required = true },
			{ .key = "text", .type = CONTROL_TEXT }) },
	{ OF_SPEAKERS, "enable", .help = "the end of shutdown", .changes = true, .arguments = NEIGHBOR },
	{ OF_RRD, "refresh", .help = "in: ask for its routes again; out: send ours again; or both",
		.changes = true,
		.arguments = ARGUMENTS({ .key = "address", .type = CONTROL_ADDRESS_OR_ALL, .required = true },
			{ .key = "direction", .type = CONTROL_WORD, .words = "in|out" }) },
	{ OF_RRD, "watch routes",
		.help = "paths that come, change and go, and best paths; all: first what is there",
		.arguments = ARGUMENTS({ .key = "prefix", .type = CONTROL_PREFIX },
			{ .key = "longer", .type = CONTROL_FLAG, .behind = true }, ALL) },
	{ OF_RRD, "watch neighbors", .help = "sessions that come up and go down",
		.arguments = ARGUMENTS(ALL) },
	{ OF_RRD, "watch fib", .help = "what the kernel takes of our routes, and what it refuses",
		.arguments = ARGUMENTS(ALL) },
	{ OF_SPEAKERS, "watch bfd", .help = "BFD sessions that come up and go down" },
	{ OF_RRD, "drain", .help = "send all routes as ones to be avoided (RFC 8326)", .changes = true },
	{ OF_RRD, "undrain", .help = "the end of drain", .changes = true },
	{ OF_ANNOUNCER, "drain", .help = "turn new connections away, then withdraw", .changes = true,
		.arguments = ARGUMENTS({ .key = "time-s", .type = CONTROL_NUMBER }) },
	{ OF_ANNOUNCER, "undrain", .help = "announce again as ever", .changes = true },
	{ OF_AGENT, "drain", .help = "no new connections, then out", .changes = true,
		.arguments = ARGUMENTS({ .key = "server", .type = CONTROL_SERVER, .required = true },
			{ .key = "time-s", .type = CONTROL_NUMBER }, IN_SERVICE) },
	{ OF_AGENT, "undrain", .help = "in again, when it is healthy", .changes = true, .arguments = SERVER },
	{ OF_AGENT, "check", .help = "run its checks now", .changes = true, .arguments = SERVER },
	{ OF_ALL, "show config", .help = "the configuration in use; all: with what is not set, as comments",
		.arguments = ARGUMENTS(ALL) },
	{ OF_ALL, "reload", .help = "read the configuration again, or tell what that would change",
		.changes = true,
		.arguments = ARGUMENTS({ .key = "dry-run", .type = CONTROL_FLAG, .keyword = "--dry-run" }) },
	{ OF_AGENT, "health", .help = "for lb-announcer: the services' health, as it changes",
		.own_check = true },
	{ OF_AGENT, "announcer", .help = "for lb-announcer: what it does", .changes = true, .own_check = true,
		.arguments = ARGUMENTS({ .key = "state",
			.type = CONTROL_WORD,
			.required = true,
			.words = "announcing|draining|withdrawn|leaving" }) },
	{ OF_REGISTRY, "register",
		.help = "for lb-announcer: a pod takes packets for a prefix, as long as this connection "
			"lasts",
		.changes = true, .own_check = true,
		.arguments = ARGUMENTS(REGISTERED, { .key = "state", .type = CONTROL_TEXT, .required = true },
			{ .key = "capacity", .type = CONTROL_NUMBER, .required = true },
			{ .key = "name", .type = CONTROL_TEXT }) },
	{ OF_REGISTRY, "unregister", .help = "for lb-announcer: it does not any more", .changes = true,
		.own_check = true, .arguments = ARGUMENTS(REGISTERED) },
	{ .targets = 0 },
};
