package meta

import (
	"fmt"
	"slices"

	"troupe/kafka/code"
)

// CheckFeature says whether the level of a feature may become what u wants, and why not.
// The order of the checks is Kafka's (FeatureControlManager.updateFeature).
func CheckFeature(img *Image, u FeatureUpdate) (why string) {
	now := img.Feature(u.Name)
	switch {
	case u.Kind < FeatureUpgrade || u.Kind > FeatureUnsafeDowngrade:
		return "The controller does not support the given upgrade type."
	case u.Level < 0:
		return "A feature version cannot be less than 0."
	}
	if why := unsupported(img, u); why != "" {
		return why
	}
	switch {
	case u.Level < now && u.Kind == FeatureUpgrade:
		return "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade."
	case u.Level > now && u.Kind != FeatureUpgrade:
		return "Can't downgrade to a newer version."
	}
	return ""
}

// unsupported says which broker does not have the level. All brokers must, those that are out of service too: they come back.
func unsupported(img *Image, u FeatureUpdate) string {
	for i := range img.brokers {
		b := &img.brokers[i]
		at := slices.IndexFunc(b.Features, func(f Feature) bool { return f.Name == u.Name })
		switch {
		case at < 0 && u.Level == 0:
			return "Feature " + u.Name + " not found."
		case at < 0:
			return fmt.Sprintf("Broker %d does not support this feature.", b.ID)
		case u.Level < b.Features[at].Min || u.Level > b.Features[at].Max:
			return fmt.Sprintf("Broker %d only supports versions %d-%d", b.ID, b.Features[at].Min, b.Features[at].Max)
		}
	}
	return ""
}

func (e *edit) updateFeatures(c UpdateFeatures) Result {
	for _, u := range c.Updates {
		if why := CheckFeature(e.img, u); why != "" {
			return refuse(code.InvalidUpdateVersion, "Invalid update version %d for feature %s. %s", u.Level, u.Name, why)
		}
	}
	list := slices.Clone(e.img.features)
	for _, u := range c.Updates {
		i, ok := slices.BinarySearchFunc(list, u.Name, cmpFeature)
		switch {
		case ok:
			list[i].Level = u.Level
		case e.img.Feature(u.Name) != u.Level:
			list = slices.Insert(list, i, FeatureLevel{u.Name, u.Level})
		}
	}
	e.img.features = list
	return Result{}
}
