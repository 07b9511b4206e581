/* capture.h - frames into a file that tcpdump and Wireshark read (pcapng) */
#ifndef PLUG_CAPTURE_H
#define PLUG_CAPTURE_H

#include "plug/locator.h"
#include "plug/observe.h"
#include "proto/pcapng.h"

struct capture;

/* Takes fd. what names the file where an error is told. */
struct capture *capture_new(int fd, const char *what, const struct pcapng_file *file);
void capture_frame(struct capture *c, const struct pkt *pkt, bool out);
bool capture_failed(struct capture *c);
/* How many frames found no room in the buffer. */
uint64_t capture_dropped(const struct capture *c);
void capture_end(struct capture *c);

/* A file to be written, emptied; a pipe that somebody reads. -1 with *why. */
int capture_file(const char *scheme, const char *path, char **why);

/* Row of the plug table: capture://FILE[cut=1/snap=N]{LOCATOR}. */
struct plug *capture_open(const struct locator *loc, const struct plug_conf *conf, char **why);

#endif
