/*
 * `lb-ipvs-agent --real-server`: prepares a web pod for TUN or DR, tells what is missing (--check), or takes away what it
 * made (--remove). What it does is kernel/real_server.h; here stand the words, and the file that remembers what was made.
 */
#pragma once

/* argv[0] is ignored; what follows are the options after --real-server. Returns the exit status. */
int real_server_main(int argc, char **argv);
