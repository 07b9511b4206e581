/* observe.h - what the schemes capture and trace share: a plug that is looked at */
#ifndef PLUG_OBSERVE_H
#define PLUG_OBSERVE_H

#include "plug/plug.h"

struct observer {
	/* A frame passes, which is and stays the plug's. */
	void	(*saw)(struct observer *o, const struct pkt *pkt, bool out);
	void	(*end)(struct observer *o);	/* the plug is closed */
	bool	cut;		/* super-frames are shown as the frames of a wire */
};

/* Takes both. What passes is neither changed nor delayed. */
struct plug *observe_new(struct plug *inner, struct observer *o);

#endif
