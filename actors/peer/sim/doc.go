// Package sim is the network of links between simulated brokers: connections are streams of actors/kit/sim, which hold bytes back while a
// direction is cut and lose all the rest when they break. Only tests and simulations use it.
package sim
