/* scene.h - a connection in each of the states */
#ifndef MUTATE_SCENE_H
#define MUTATE_SCENE_H

#include "seg.h"

/* Half open: the listener has no connection; a cookie: nor a request. Over: a new
 * connection is the proof of health. */
enum { SC_REQUEST = 1, SC_COOKIE = 2, SC_OVER = 4 };

struct scene {
	const char	*name;
	void		(*set)(struct pair *p);
	int		state;		/* TCP_* the subject must then be in; 0: no connection */
	unsigned	kind;		/* SC_* */
};

extern const struct scene scenes[];
extern const unsigned n_scenes;

/* Ends of the streams: what each sends until both shut. */
#define TOTAL	9000

/* Plain: without timestamps, window scaling and SACK. */
void scene_start(const struct scene *sc, struct pair *p, bool v6, bool plain);
void scene_view(const struct scene *sc, struct pair *p, struct view *v);
/* What the honest peer would send next. */
void scene_base(const struct scene *sc, struct pair *p, const struct view *v, struct mseg *m);

#endif
