using Datum.Providers.Host.Tests.BadInput;
using Datum.Providers.Host.Tests.Projects;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;

namespace Datum.Providers.Host.Tests.Composition;

/// <summary>
/// The whole host asks its drivers what instances use, on the home plane and on a project's. The Simulator's servers use a tenth of their
/// processors, so a target of 5 percent asks for twice as many. Slow by its nature: the number is looked at every 30 seconds.
/// </summary>
[TestFixture, Parallelizable(ParallelScope.Children)]
internal sealed class AutoscalingTests
{
    private static readonly TimeSpan s_within = TimeSpan.FromSeconds(120);

    private const string Scaled = "2 of 1 to 2 instances by the metrics.";

    [Test]
    public async Task Home_plane()
    {
        await using var stage = await Stage.StartAsync();
        var space = await stage.SpaceAsync();
        await space.LocationAsync("here", "{simulator: {zone: z1}}", city: "DFW");
        await space.NetworkAsync();
        await stage.ApplyAsync(Workload(space.Name));

        await stage.UntilAsync(async () =>
        {
            var found = (await stage.Client.ListAsync(ResourceTypes.WorkloadDeployments, new ListOptions { Namespace = space.Name }, CancellationToken.None)).Items.SingleOrDefault();
            var scaling = Conditions.Find(found?.Status?.Conditions, ConditionTypes.ScalingActive);
            return (scaling?.Message, found?.Status?.ReadyReplicas) == (Scaled, 2) ? null : $"{scaling?.Reason} {scaling?.Message}, {found?.Status?.ReadyReplicas} ready";
        }, s_within);
    }

    [Test]
    public async Task Project_plane()
    {
        await using var stage = await ProjectStage.StartAsync();
        await stage.ProjectAsync("scaled");
        stage.StartHost();
        await stage.ApplyAsync("scaled", Workload("default"));

        await stage.UntilAsync(async () =>
        {
            var found = (await stage.Of("scaled").ListAsync(ResourceTypes.WorkloadDeployments, new ListOptions { Namespace = "default" }, CancellationToken.None)).Items.SingleOrDefault();
            var scaling = Conditions.Find(found?.Status?.Conditions, ConditionTypes.ScalingActive);
            return (scaling?.Message, found?.Status?.ReadyReplicas) == (Scaled, 2) ? null : $"{scaling?.Reason} {scaling?.Message}, {found?.Status?.ReadyReplicas} ready";
        }, s_within);
    }

    private static string Workload(string ns) => $$"""
        apiVersion: {{Space.Compute}}
        kind: Workload
        metadata: { name: scaled, namespace: {{ns}}, annotations: { {{Annotations.Autoscale}}: "true" } }
        spec:
          template:
            spec:
              runtime:
                resources: { instanceType: datumcloud/d1-standard-2 }
                sandbox:
                  containers: [{name: web, image: "web:1"}]
              networkInterfaces:
              - network: {name: default}
                networkPolicy: { ingress: [{ ports: [{ port: 80 }], from: [{ ipBlock: { cidr: 0.0.0.0/0 } }] }] }
          placements:
          - name: p
            cityCodes: [DFW]
            scaleSettings:
              minReplicas: 1
              maxReplicas: 2
              metrics: [{ resource: { name: cpu, target: { averageUtilization: 5 } } }]
        """;
}
