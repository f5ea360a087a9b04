using Datum.Providers.DevPlane;
using Datum.Providers.Resources.Rules;

namespace Datum.Providers.Host.Composition;

/// <summary>Gives the embedded plane the twins of all rules that we know; neither of the two knows the other.</summary>
public static class RuleRegistration
{
    /// <summary>A registry with every twin.</summary>
    public static CelRules Create()
    {
        var rules = new CelRules();
        foreach (var twin in RuleTwins.All)
        {
            rules.RegisterRule(twin.Rule, (self, old) =>
            {
                try
                {
                    return CelResult.Of(twin.Holds(self, old));
                }
                catch (RuleErrorException error)
                {
                    return CelResult.Failed(error.Message);
                }
            });
        }

        return rules;
    }
}
