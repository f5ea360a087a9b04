using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;

namespace Datum.Providers.Benchmarks;

/// <summary>The objects that every client reads: Instances in a namespace of their own, written as the host's controllers write them.</summary>
internal sealed class Estate(KubernetesClient client, string ns, int count)
{
    public const string SentAnnotation = "benchmarks.example.com/sent";

    /// <summary>The stamp of the last update.</summary>
    public const string End = "end";

    /// <summary>The object that is updated.</summary>
    public static string Followed { get; } = NameOf(0);

    public static string PathOf(string ns) => $"/apis/{ResourceTypes.Instances.ApiVersion}/namespaces/{ns}/{ResourceTypes.Instances.Plural}";

    /// <summary>Creates namespace and objects: a create and a status patch each, so that the server keeps two managers' fields.</summary>
    public async Task FillAsync(CancellationToken cancellation)
    {
        await PlaneInstaller.ApplyCrdsAsync(client, Crds.All().Select(c => c.Yaml), cancellation);
        await client.CreateAsync(Core.Namespaces, new Namespace { Metadata = new ObjectMeta { Name = ns } }, cancellation);
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = cancellation }, async (i, c) =>
        {
            await client.RawAsync(HttpMethod.Post, $"{PathOf(ns)}?fieldManager=datum-providers", Encoding.UTF8.GetBytes(Body(i)), "application/json", c);
            await client.RawAsync(HttpMethod.Patch, $"{PathOf(ns)}/{NameOf(i)}/status?fieldManager=datum-providers", Encoding.UTF8.GetBytes(Status(i)), "application/merge-patch+json", c);
        });
    }

    /// <summary>The size of one object as the server sends it, in bytes.</summary>
    public async Task<int> ObjectBytesAsync(CancellationToken cancellation) =>
        (await client.RawAsync(HttpMethod.Get, $"{PathOf(ns)}/{NameOf(count / 2)}", null, null, cancellation)).Length;

    public async Task UpdateAsync(string stamp, CancellationToken cancellation)
    {
        var patch = new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [SentAnnotation] = stamp } } };
        await client.RawAsync(HttpMethod.Patch, $"{PathOf(ns)}/{Followed}", Encoding.UTF8.GetBytes(patch.ToJsonString()), "application/merge-patch+json", cancellation);
    }

    public async Task RemoveAsync(CancellationToken cancellation)
    {
        await client.RawAsync(HttpMethod.Delete, PathOf(ns), null, null, cancellation);
        await client.DeleteAsync(Core.Namespaces, new ObjectKey(null, ns), null, cancellation);
    }

    private static string NameOf(int i) => $"web-us-dfw-{i.ToString("00000", CultureInfo.InvariantCulture)}";

    private static string Body(int i) => $$$"""
        {"apiVersion":"compute.datumapis.com/v1alpha","kind":"Instance","metadata":{"name":"{{{NameOf(i)}}}",
         "labels":{"tier":"app","compute.datumapis.com/workload-uid":"3f0c2a61-6f3c-4c55-9d2e-{{{i:000000000000}}}","compute.datumapis.com/instance-index":"{{{i}}}"},
         "ownerReferences":[{"apiVersion":"compute.datumapis.com/v1alpha","kind":"WorkloadDeployment","name":"web-us-dfw","uid":"8d1b2c3e-0000-4000-8000-{{{i / 10:000000000000}}}","controller":true,"blockOwnerDeletion":true}]},
         "spec":{"runtime":{"resources":{"instanceType":"datumcloud/d1-standard-2"},
           "sandbox":{"containers":[{"name":"web","image":"docker.io/library/nginx:1.27","env":[{"name":"INDEX","value":"{{{i}}}"}],"ports":[{"name":"http","port":8080}]}]}},
          "networkInterfaces":[{"network":{"name":"default"},"networkPolicy":{"ingress":[{"ports":[{"port":8080},{"port":22}],"from":[{"ipBlock":{"cidr":"0.0.0.0/0"}}]}]}}],
          "location":{"name":"us-dfw","namespace":"default"},
          "controller":{"templateHash":"5d8f7c9b64"} }}
        """;

    private static string Status(int i) => $$$"""
        {"status":{"conditions":[
           {"type":"Programmed","status":"True","reason":"Programmed","message":"The instance is programmed.","lastTransitionTime":"2026-01-02T03:04:05Z","observedGeneration":1},
           {"type":"Running","status":"True","reason":"Running","message":"The instance runs.","lastTransitionTime":"2026-01-02T03:04:06Z","observedGeneration":1},
           {"type":"Ready","status":"True","reason":"Running","message":"The instance is ready.","lastTransitionTime":"2026-01-02T03:04:07Z","observedGeneration":1}],
          "networkInterfaces":[{"assignments":{"networkIP":"10.{{{128 + i / 65536}}}.{{{i / 256 % 256}}}.{{{i % 256}}}"}}],
          "controller":{"observedTemplateHash":"5d8f7c9b64"} }}
        """;
}
