using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Tests.BadInput;

/// <summary>One namespace of a stage.</summary>
internal sealed class Space(Stage stage, string name)
{
    public const string Networking = "networking.datumapis.com/v1alpha";
    public const string Compute = "compute.datumapis.com/v1alpha";
    public const string Ours = "providers.datumapis.com/v1alpha1";

    private static int s_healthy;

    public string Name => name;

    public Task<JsonNode> LocationAsync(string location, string provider, string className = "good", string city = "BAD", string? annotation = null) => stage.ApplyAsync($$"""
        apiVersion: {{Networking}}
        kind: Location
        metadata:
          name: {{location}}
          namespace: {{name}}
          annotations: { {{(annotation is null ? "" : $"providers.datumapis.com/provider: {annotation}")}} }
        spec:
          locationClassName: {{className}}
          topology: { topology.datum.net/city-code: {{city}} }
          provider: {{provider}}
        """);

    public Task<JsonNode> LocationIsAsync(string location, string type, string reason, TimeSpan? within = null) =>
        stage.ConditionAsync(Networking, "locations", name, location, type, reason, within);

    public Task<JsonNode> WorkloadAsync(string workload, string city, string instanceType = "datumcloud/d1-standard-2") => stage.ApplyAsync($$"""
        apiVersion: {{Compute}}
        kind: Workload
        metadata: { name: {{workload}}, namespace: {{name}} }
        spec:
          template:
            spec:
              runtime:
                resources: { instanceType: {{instanceType}} }
                sandbox:
                  containers: [{name: web, image: "web:1", ports: [{name: http, port: 80}]}]
              networkInterfaces:
              - network: {name: default}
                networkPolicy: { ingress: [{ ports: [{ port: 80 }], from: [{ ipBlock: { cidr: 0.0.0.0/0 } }] }] }
          placements:
          - name: p
            cityCodes: [{{city}}]
            scaleSettings: {minReplicas: 1}
        """);

    public Task NetworkAsync() => stage.ApplyAsync($"apiVersion: {Networking}\nkind: Network\nmetadata: {{name: default, namespace: {name}}}\nspec: {{ipam: {{mode: Auto}}}}");

    /// <summary>Everything else goes on: a Location of the healthy driver, a Network and a Workload in this namespace, made now, come to work.</summary>
    public async Task EverythingElseGoesOnAsync()
    {
        var healthy = $"healthy-{Interlocked.Increment(ref s_healthy)}";
        await LocationAsync(healthy, "{simulator: {zone: z1}}", city: healthy.ToUpperInvariant());
        if (!await HasNetworkAsync())
            await NetworkAsync();
        await WorkloadAsync(healthy, healthy.ToUpperInvariant());
        await AvailableAsync(healthy);
    }

    public Task<JsonNode> AvailableAsync(string workload) => stage.ConditionAsync(Compute, "workloads", name, workload, "Available", "AvailablePlacementFound");

    private async Task<bool> HasNetworkAsync()
    {
        try
        {
            await stage.GetAsync(Networking, "networks", name, "default");
            return true;
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            return false;
        }
    }
}
