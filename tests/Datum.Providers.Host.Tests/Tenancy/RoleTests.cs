using System.Text;
using Datum.Providers.Host.Tests.BadInput;
using Datum.Providers.Host.Tests.Documentation;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Host.Tests.Tenancy;

/// <summary>The roles of deploy/rbac: the host works with its own and needs all of it; the tenants' reaches nothing that decides who reaches what (law L14).</summary>
[TestFixture]
public sealed class RoleTests
{
    private static readonly string HostFile = File.ReadAllText(Repository.Files("deploy/rbac", ".yaml").Single(f => Path.GetFileName(f) == "host.yaml"));
    private static readonly string TenantFile = File.ReadAllText(Repository.Files("deploy/rbac", ".yaml").Single(f => Path.GetFileName(f) == "tenant.yaml"));

    private const string Own = "datum-providers";

    [Test]
    public async Task The_host_works_with_exactly_its_role()
    {
        await using var stage = await Stage.PlaneOnlyAsync(development: false);
        await stage.InstallKindsAsync();
        await stage.ApplyAsync($"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {Own}}}");
        var space = await stage.SpaceAsync();
        Grant[] grants =
        [
            .. RoleClient.Read(HostFile, "datum-providers-host", null), .. RoleClient.Read(HostFile, "datum-providers-core", null),
            .. RoleOfOwnNamespace(), .. RoleClient.Read(TenantFile, "datum-providers-payloads", null).Select(g => g with { Namespace = space.Name }),
        ];
        RoleClient? role = null;
        await stage.StartHostAsync(c => role = new RoleClient(c, grants), lease: true, ns: Own);
        await stage.ApplyAsync($"apiVersion: v1\nkind: Secret\nmetadata: {{name: cloud, namespace: {Own}}}\ndata: {{token: {Convert.ToBase64String(Encoding.UTF8.GetBytes("first"))}}}");
        await stage.ApplyAsync($$"""
            apiVersion: providers.datumapis.com/v1alpha1
            kind: ProviderConfig
            metadata: {name: good}
            spec:
              driver: simulator
              allowed: { namespaces: [{{space.Name}}], scope: { zone: [z1] } }
              credentials: { source: Secret, secretRef: { name: cloud } }
              settings: { statePath: {{stage.Folder}}/platform }
            """);
        await stage.ApplyAsync($"apiVersion: v1\nkind: Secret\nmetadata: {{name: app, namespace: {space.Name}}}\ndata: {{key: dmFsdWU=}}");
        await stage.ApplyAsync($"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: app, namespace: {space.Name}}}\ndata: {{key: value}}");
        await space.LocationAsync("here", "{simulator: {zone: z1}}", city: "DFW");
        // Export is off here: it is told.
        foreach (var group in (string[])["telemetry.miloapis.com", "telemetry.datumapis.com"])
            await stage.ApplyAsync($$"""
                apiVersion: {{group}}/v1alpha1
                kind: ExportPolicy
                metadata: {name: unsent, namespace: {{space.Name}} }
                spec:
                  sources: [{name: a, metrics: {metricsql: m} }]
                  sinks: [{name: s, sources: [a], target: {prometheusRemoteWrite: {endpoint: "https://metrics.example.com/"} } }]
                """);
        // One that is refused: an event tells it.
        await space.LocationAsync("wrong", "{simulator: {}}");
        await space.NetworkAsync();
        await stage.ApplyAsync(PayloadWorkload(space.Name));
        await space.AvailableAsync("web");
        await stage.PatchAsync("v1", "secrets", Own, "cloud", $$"""{"data":{"token":"{{Convert.ToBase64String(Encoding.UTF8.GetBytes("second"))}}"} }""");
        await stage.UntilAsync(() => Task.FromResult(stage.Log.All.Count(l => l.Contains("Session of driver", StringComparison.Ordinal)) >= 2 ? null : "the new Secret opened no session"));
        // A second event of one reason on one object is counted on the first.
        await stage.PatchAsync(Space.Networking, "locations", space.Name, "wrong", """{"spec":{"provider":{"simulator":{"region":"r"}}}}""");
        await stage.PatchAsync(Space.Compute, "workloads", space.Name, "web", """{"spec":{"placements":[{"name":"p","cityCodes":["DFW"],"scaleSettings":{"minReplicas":2}}]}}""");
        await space.AvailableAsync("web");
        await stage.DeleteAsync(Space.Compute, "workloads", space.Name, "web");
        await stage.DeleteAsync(Space.Networking, "networks", space.Name, "default");
        await stage.UntilAsync(async () => (await stage.Client.ListAsync(Resources.ResourceTypes.ManagedResources, new ListOptions(), CancellationToken.None)).Items.Count == 0
            && (await stage.Client.ListAsync(Resources.ResourceTypes.Networks, new ListOptions(), CancellationToken.None)).Items.Count == 0 ? null : "something is left");
        await stage.StopHostAsync();

        Assert.Multiple(() =>
        {
            Assert.That(role!.Denied, Is.Empty);
            Assert.That(stage.Log.Of(1303), Is.Empty);
            // What an ordinary life doesn't come to: conflicts are read again, and drivers of an earlier start are told as missing.
            Assert.That(role.Unused.Select(g => g.ToString()).Except(Rare).Order(StringComparer.Ordinal), Is.Empty, "rules that nothing needs");
        });
    }

    /// <summary>Rules for what doesn't happen in every life; each with where it is used.</summary>
    private static readonly string[] Rare =
    [
        // CorePlane reads what conflicts or may be gone.
        "get workloads.compute.datumapis.com", "get workloaddeployments.compute.datumapis.com", "get instances.compute.datumapis.com",
        "get networks.networking.datumapis.com", "get networkbindings.networking.datumapis.com", "get networkcontexts.networking.datumapis.com",
        "get subnetclaims.networking.datumapis.com", "get subnets.networking.datumapis.com",
        "get exportpolicies.telemetry.miloapis.com", "get exportpolicies.telemetry.datumapis.com",
        // What was retained with its mark is noted on the ProviderConfig, where a driver can't take marks off.
        "patch providerconfigs.providers.datumapis.com",
        // A binding of an older form, and what a person says with `installation continue|fork`.
        "patch configmaps in datum-providers datum-providers-installation",
        // A Workload whose interfaces name another Network than before.
        "patch networkbindings.networking.datumapis.com",
        // A Location of the compute group that stands for itself; here there is none.
        "patch locations/status.compute.datumapis.com",
        // Only a Network that is used says what blocks it.
        "patch networks/status.networking.datumapis.com",
        // Where Datum's third era has Location.
        "list locations.locations.miloapis.com", "watch locations.locations.miloapis.com", "patch locations/status.locations.miloapis.com",
        // A NetworkPolicy, which is only answered; here there is none.
        "get networkpolicies.networking.datumapis.com", "patch networkpolicies/status.networking.datumapis.com",
    ];

    [Test]
    public void L14_the_tenants_role_leaves_out_our_kinds_and_everything_that_controllers_write()
    {
        var grants = RoleClient.Read(TenantFile, "datum-providers-tenant", null).ToList();
        Assert.Multiple(() =>
        {
            Assert.That(grants, Is.Not.Empty);
            Assert.That(grants.Select(g => g.Group).Distinct(), Is.EquivalentTo(["", "compute.datumapis.com", "networking.datumapis.com", "telemetry.miloapis.com", "telemetry.datumapis.com"]));
            Assert.That(grants.Where(g => g.Group.Contains('*', StringComparison.Ordinal) || g.Resource.Contains('*', StringComparison.Ordinal) || g.Verb.Contains('*', StringComparison.Ordinal)), Is.Empty);
            Assert.That(grants.Where(g => g.Resource.Contains('/', StringComparison.Ordinal)), Is.Empty, "status and finalizers are the controllers'");
            Assert.That(grants.Where(g => g.Verb is "bind" or "escalate" or "impersonate" or "deletecollection"), Is.Empty);
            Assert.That(grants.Where(g => g.Verb is not ("get" or "list" or "watch")).Select(g => g.Resource).Distinct(),
                Is.EquivalentTo(["workloads", "networks", "networkpolicies", "locations", "exportpolicies", "configmaps", "secrets"]));
            Assert.That(grants.Where(g => g is { Group: "compute.datumapis.com", Resource: "locations", Verb: not ("get" or "list" or "watch") }), Is.Empty);
        });
    }

    [Test]
    public void The_webhooks_role_may_ask_who_may_what_and_nothing_else() =>
        Assert.That(RoleClient.Read(HostFile, "datum-providers-webhook", null).Select(g => g.ToString()), Is.EqualTo(["create subjectaccessreviews.authorization.k8s.io"]));

    [Test]
    public void L14_no_role_is_bound_to_tenants_in_the_whole_cluster()
    {
        foreach (var file in (string[])[HostFile, TenantFile])
            foreach (var binding in YamlJson.Parse(Encoding.UTF8.GetBytes(file)).Where(d => (string?)d["kind"] == "ClusterRoleBinding"))
            {
                Assert.That((string?)binding["roleRef"]!["name"], Is.AnyOf("datum-providers-host", "datum-providers-core", "datum-providers-webhook"));
                Assert.That(binding["subjects"]!.AsArray().Select(s => $"{s!["kind"]} {s["namespace"]}/{s["name"]}"), Is.EqualTo([$"ServiceAccount {Own}/{Own}"]));
            }
    }

    [Test]
    public void L14_the_host_reads_secrets_of_its_own_namespace_and_of_those_that_are_given_to_it()
    {
        var cluster = RoleClient.Read(HostFile, "datum-providers-host", null).Concat(RoleClient.Read(HostFile, "datum-providers-core", null)).ToList();
        Assert.That(cluster.Where(g => g.Resource is "secrets" or "configmaps" or "leases"), Is.Empty);
        Assert.That(cluster.Where(g => g.Resource.Contains('*', StringComparison.Ordinal) || g.Verb is "*" or "deletecollection" or "update"), Is.Empty);
        Assert.That(RoleOfOwnNamespace().Where(g => g.Resource == "secrets").Select(g => g.Verb), Is.EquivalentTo(["get", "list", "watch"]));
        Assert.That(RoleClient.Read(TenantFile, "datum-providers-payloads", null).Select(g => $"{g.Verb} {g.Resource}"), Is.EquivalentTo(["get configmaps", "get secrets"]));
        Assert.That(RoleClient.Read(TenantFile, "datum-providers-export", null).Select(g => $"{g.Verb} {g.Resource}"), Is.EquivalentTo(["list secrets", "watch secrets"]));
    }

    private static IEnumerable<Grant> RoleOfOwnNamespace() =>
        RoleClient.RulesOf(YamlJson.Parse(Encoding.UTF8.GetBytes(HostFile)).Single(d => (string?)d["kind"] == "Role"), Own);

    internal static string PayloadWorkload(string ns) => $$"""
        apiVersion: compute.datumapis.com/v1alpha
        kind: Workload
        metadata: { name: web, namespace: {{ns}} }
        spec:
          template:
            spec:
              runtime:
                resources: { instanceType: datumcloud/d1-standard-2 }
                sandbox:
                  containers: [{name: web, image: "web:1", envFrom: [{secretRef: {name: app} }, {configMapRef: {name: app} }]}]
              networkInterfaces:
              - network: {name: default}
          placements:
          - name: p
            cityCodes: [DFW]
            scaleSettings: {minReplicas: 1}
        """;
}
