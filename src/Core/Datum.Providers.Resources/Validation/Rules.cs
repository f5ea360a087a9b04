using System.Reflection;

namespace Datum.Providers.Resources.Validation;

/// <summary>Every rule about Datum's kinds that is more than a type in a schema. docs/reference/validation.md is the same list.</summary>
public static partial class Rules
{
    public static readonly Rule PlacementName = new("placement.name", "Workload", "spec.placements[].name", "a DNS label", Asked.Schema | Asked.Webhook, "the same");
    public static readonly Rule PlacementCities = new("placement.cities", "Workload", "spec.placements[].cityCodes", "not empty", Asked.Schema | Asked.Webhook, "the same");
    public static readonly Rule PlacementCity = new("placement.city", "Workload", "spec.placements[].cityCodes[]", "the city of a Location of the namespace or of cluster scope", Both, "the same, letter by letter");
    public static readonly Rule PlacementReplicas = new("placement.replicas", "Workload", "spec.placements[].scaleSettings.minReplicas", "0 to 1000", Asked.Schema | Both, "1 to 1000");

    public static readonly Rule PlacementMaximum = new("placement.maximum", "Workload", "spec.placements[].scaleSettings", "maxReplicas at least minReplicas", Asked.Cel | Asked.Webhook, "not checked")
    { Cel = "!has(self.maxReplicas) || self.maxReplicas >= self.minReplicas" };

    public static readonly Rule PlacementMetrics = new("placement.metrics", "Workload", "spec.placements[].scaleSettings", "metrics where maxReplicas is set", Asked.Cel | Asked.Webhook, "the same")
    { Cel = "!has(self.maxReplicas) || (has(self.metrics) && size(self.metrics) > 0)" };

    public static readonly Rule MetricResource = new("metric.resource", "Workload", "spec.placements[].scaleSettings.metrics[]", "a resource, named cpu", Asked.Cel | Asked.Webhook, "the same")
    { Cel = "has(self.resource) && self.resource.name == 'cpu'" };

    public static readonly Rule MetricTarget = new("metric.target", "Workload", "spec.placements[].scaleSettings.metrics[].resource.target", "one of value, averageValue and averageUtilization", Asked.Cel | Asked.Webhook, "the same")
    { Cel = "(has(self.value) ? 1 : 0) + (has(self.averageValue) ? 1 : 0) + (has(self.averageUtilization) ? 1 : 0) == 1" };

    public static readonly Rule MetricPositive = new("metric.positive", "Workload", "spec.placements[].scaleSettings.metrics[].resource.target", "greater than 0", Asked.Webhook, "the same");
    public static readonly Rule DeploymentNames = new("workload.deployments", "Workload", "spec.placements[]", "deployments with names of their own, 253 characters at most", Both, "not checked");

    public static readonly Rule NetworkUse = new("network.use", "Workload", "spec.template.spec.networkInterfaces[].network", "who writes it may use the Network (SubjectAccessReview, verb use)", Asked.Webhook, "the same, also when nothing about it changed");
    public static readonly Rule NetworkExists = new("network.exists", "Workload", "spec.template.spec.networkInterfaces[].network", "a Network that exists: a warning, it may come later", Both, "not checked");
    public static readonly Rule Capability = new("capability", "Workload, WorkloadDeployment, Instance", "as the wish stands", "what the platform of a Location can do (law L11); a warning while another Location of the city can", Both, "");

    public static readonly Rule NetworkRange = new("network.range", "Network", "spec.ipam.{ipv4Range,ipv4Ranges[],ipv6Range,ipv6Ranges[]}", "a prefix of its family without host bits", Both, "not checked");
    public static readonly Rule SubnetRange = new("subnet.range", "SubnetClaim, Subnet", "spec.{startAddress,prefixLength}", "an address of the family and a length that fits it", Both, "not checked");
    public static readonly Rule PolicyAnnotation = new("annotation.policy", "Workload, WorkloadDeployment, Instance, Network", "metadata.annotations[providers.datumapis.com/...]", "values that the page of kinds names", Both, "");

    public static readonly Rule LocationBlock = new("location.block", "Location", "spec.provider", "one block that is an object, by the annotation or here", Asked.Schema | Both, "gcp alone");
    public static readonly Rule LocationSchema = new("location.schema", "Location", "spec.provider.KEY", "what the driver's schema takes, and no URL", Both, "required fields of gcp");
    public static readonly Rule LocationMoved = new("location.moved", "Location", "spec.provider.KEY", "scope fields stay while something stands there", Both, "not checked");
    public static readonly Rule LocationServed = new("location.served", "Location", "spec.provider", "a driver and a ProviderConfig that serve it: a warning, they may come later", Both, "ignored silently");

    public static readonly Rule ConfigDriver = new("config.driver", "ProviderConfig", "spec.driver", "a loaded driver: a warning, it may come later", Both, "");
    public static readonly Rule ConfigSettings = new("config.settings", "ProviderConfig", "spec.settings", "what the driver's schema takes", Both, "");
    public static readonly Rule ConfigCredentials = new("config.credentials", "ProviderConfig", "spec.credentials", "a source where the driver needs keys", Both, "");

    public static readonly Rule PolicySelector = new("export.selector", "ExportPolicy", "spec.sources[].metrics.metricsql", "a selector of series, and not by project_name", Both, "the same, without limits");
    public static readonly Rule PolicyTarget = new("export.target", "ExportPolicy", "spec.sinks[].target", "a prometheusRemoteWrite", Both, "not checked");
    public static readonly Rule PolicyEndpoint = new("export.endpoint", "ExportPolicy", "spec.sinks[].target.prometheusRemoteWrite.endpoint", "an http or https URL without user name and fragment", Both, "a URL");
    public static readonly Rule PolicySources = new("export.sources", "ExportPolicy", "spec.sinks[].sources[]", "names of sources", Both, "not checked");
    public static readonly Rule PolicyBatch = new("export.batch", "ExportPolicy", "spec.sinks[].target.prometheusRemoteWrite.batch", "a timeout of 5m at most", Both, "not checked, and not acted on");
    public static readonly Rule PolicyRetry = new("export.retry", "ExportPolicy", "spec.sinks[].target.prometheusRemoteWrite.retry", "a backoffDuration of 5m at most", Both, "not checked, and not acted on");

    /// <summary>Of one subject together, in the order of the page.</summary>
    // Read on demand: the fields of this class's other file may be filled after this one.
    public static IReadOnlyList<Rule> All => s_all.Value;

    private static readonly Lazy<IReadOnlyList<Rule>> s_all = new(() =>
        [.. typeof(Rules).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => f.GetValue(null)).OfType<Rule>().OrderBy(r => r.Kinds == Template ? 1 : 0)]);
}
