using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Datum.Providers.Resources.Rules;

/// <summary>The twins of every validation rule in our definitions and in Datum's, found by the rule's text.</summary>
public static partial class RuleTwins
{
    private static readonly string[] WhyGranted = ["QuotaAvailable", "QuotaExceeded", "ValidationFailed", "PendingEvaluation"];

    public static IReadOnlyList<RuleTwin> All { get; } = [.. Shared(), .. Datum(), .. Wishes(), .. Ours()];

    private static readonly FrozenDictionary<string, RuleTwin> ByText = All.ToFrozenDictionary(t => t.Rule, StringComparer.Ordinal);

    /// <summary>Blanks around the text don't count; everything else does.</summary>
    public static bool TryFind(string rule, [NotNullWhen(true)] out RuleTwin? twin)
    {
        ArgumentNullException.ThrowIfNull(rule);
        return ByText.TryGetValue(rule.Trim(), out twin);
    }

    private static IEnumerable<RuleTwin> Shared()
    {
        yield return new("self == oldSelf", Cel.Equal);
        yield return new("type(oldSelf) == null_type || self == oldSelf", (self, old) => old is null || Cel.Equal(self, old));
    }

    private static IEnumerable<RuleTwin> Datum()
    {
        yield return new(
            "self.type == 'Hostname' ? self.value.matches(r\"\"\"^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$\"\"\"): true",
            (self, _) => Cel.Text(Cel.Get(self, "type")) != "Hostname" || Hostname().IsMatch(Cel.Text(Cel.Get(self, "value"))));
        yield return new(
            "self.all(c, c.type == 'Granted' ? c.reason in ['QuotaAvailable', 'QuotaExceeded', 'ValidationFailed', 'PendingEvaluation'] : true)",
            (self, _) => Cel.All(self, c => Cel.Text(Cel.Get(c, "type")) != "Granted" || WhyGranted.Contains(Cel.Text(Cel.Get(c, "reason")))));
        yield return new("double(self) >= -90.0 && double(self) <= 90.0", (self, _) => Cel.Double(self) is >= -90 and <= 90);
        yield return new("double(self) >= -180.0 && double(self) <= 180.0", (self, _) => Cel.Double(self) is >= -180 and <= 180);
        yield return Fixed("networkInterfaceName");
        yield return Fixed("addresses");
        yield return Unique("class");
        yield return Unique("family");
        yield return Unique("address");
        yield return new("self.all(f, self.exists_one(g, g == f))", (self, _) => Cel.All(self, f => Cel.ExistsOne(self, g => Cel.Equal(g, f))));
        yield return new(
            "size(self) == 0 || self.filter(a, has(a.primary) && a.primary).size() == 1",
            (self, _) => Cel.Items(self).Count == 0 || Cel.Items(self).Count(a => Cel.Has(a, "primary") && Cel.Bool(Cel.Get(a, "primary"))) == 1);
        yield return new(
            "'topology.datum.net/city-code' in self && self['topology.datum.net/city-code'] != ''",
            (self, _) => Cel.Has(self, Labels.CityCode) && Cel.Text(Cel.Get(self, Labels.CityCode)).Length > 0);
    }

    /// <summary>What upstream's webhook says of Workloads, as far as CEL can say it.</summary>
    private static IEnumerable<RuleTwin> Wishes()
    {
        yield return new(Validation.Rules.RuntimeOne.Cel!, (self, _) => Cel.Has(self, "sandbox") != Cel.Has(self, "virtualMachine"));
        // Of the runtime's resources and of a container's.
        yield return new(Validation.Rules.RuntimeRequests.Cel!, (self, _) => !Cel.Has(self, "requests") || Cel.Get(self, "requests") is JsonObject { Count: 0 });
        yield return new(Validation.Rules.EnvFrom.Cel!, (self, _) => Cel.Has(self, "configMapRef") != Cel.Has(self, "secretRef"));
        yield return new(Validation.Rules.VolumeOne.Cel!, (self, _) => Set(self, "disk", "configMap", "secret") == 1);
        yield return new(Validation.Rules.DiskPopulator.Cel!, (self, _) => Set(self, "image", "filesystem") < 2);
        yield return new(Validation.Rules.PlacementMaximum.Cel!, (self, _) => !Cel.Has(self, "maxReplicas") || Cel.Int(Cel.Get(self, "maxReplicas")) >= Cel.Int(Cel.Get(self, "minReplicas")));
        yield return new(Validation.Rules.PlacementMetrics.Cel!, (self, _) => !Cel.Has(self, "maxReplicas") || (Cel.Has(self, "metrics") && Cel.Items(Cel.Get(self, "metrics")).Count > 0));
        yield return new(Validation.Rules.MetricResource.Cel!, (self, _) => Cel.Has(self, "resource") && Cel.Text(Cel.Get(Cel.Get(self, "resource"), "name")) == "cpu");
        yield return new(Validation.Rules.MetricTarget.Cel!, (self, _) => Set(self, "value", "averageValue", "averageUtilization") == 1);
    }

    private static int Set(JsonNode? self, params string[] members) => members.Count(m => Cel.Has(self, m));

    private static IEnumerable<RuleTwin> Ours()
    {
        yield return Fixed("scope");
        yield return new("self.uid == oldSelf.uid && self.plane == oldSelf.plane",
            (self, old) => Cel.Equal(Cel.Get(self, "uid"), Cel.Get(old, "uid")) && Cel.Equal(Cel.Get(self, "plane"), Cel.Get(old, "plane")));
        yield return new("oldSelf || !self", (self, old) => Cel.Bool(old) || !Cel.Bool(self));
        yield return new("self >= oldSelf", (self, old) => Cel.Int(self) >= Cel.Int(old));
        yield return Needs("Secret", "secretRef");
        yield return Needs("File", "file");
        yield return Needs("Environment", "environment");
        yield return new(
            "(!has(self.secretRef) || self.source == 'Secret') && (!has(self.file) || self.source == 'File') && (!has(self.environment) || self.source == 'Environment')",
            (self, _) => Only(self, "secretRef", "Secret") && Only(self, "file", "File") && Only(self, "environment", "Environment"));
    }

    private static bool Only(JsonNode? self, string member, string source) => !Cel.Has(self, member) || Cel.Text(Cel.Get(self, "source")) == source;

    private static RuleTwin Needs(string source, string member) =>
        new($"self.source != '{source}' || has(self.{member})", (self, _) => Cel.Text(Cel.Get(self, "source")) != source || Cel.Has(self, member));

    private static RuleTwin Fixed(string member) =>
        new($"has(self.{member}) == has(oldSelf.{member}) && (!has(self.{member}) || self.{member} == oldSelf.{member})", (self, old) => Cel.SameMember(self, old, member));

    private static RuleTwin Unique(string member) =>
        new($"self.all(a, self.exists_one(b, b.{member} == a.{member}))",
            (self, _) => Cel.All(self, a => Cel.ExistsOne(self, b => Cel.Equal(Cel.Get(b, member), Cel.Get(a, member)))));

    [GeneratedRegex(@"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Hostname();
}
