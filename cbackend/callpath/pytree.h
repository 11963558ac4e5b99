/* pytree.h: pytrees for the other parts of the call path. */
#ifndef MJX_PYTREE_H
#define MJX_PYTREE_H

#include "callpath.h"

#endif /* MJX_PYTREE_H */
