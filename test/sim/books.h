/* books.h - what holds of every connection between two entries of the engine */
#ifndef SIM_BOOKS_H
#define SIM_BOOKS_H

struct stack;

/* Prints what does not hold and aborts. */
void books_check(struct stack *st);

#endif
