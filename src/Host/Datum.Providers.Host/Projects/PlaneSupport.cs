using System.Text.Json;
using Datum.Providers.Host.Composition;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;

namespace Datum.Providers.Host.Projects;

/// <summary>Whether this host can work on a project's plane: reads only, and nothing else is done there before it says yes.</summary>
internal static class PlaneSupport
{
    /// <summary>Kinds of a later era: a plane that serves one expects providers to handle it.</summary>
    private static readonly string[] s_later = ["networkinterfaces", "runtimeclasses", "locationbindings"];

    /// <summary>Null when it is supported; else why not.</summary>
    /// <exception cref="HttpRequestException">It doesn't answer.</exception>
    /// <exception cref="KubernetesException">It refuses.</exception>
    public static async Task<string?> WhyNotAsync(IKubernetesClient client, KubernetesClient raw, CancellationToken cancellation)
    {
        var missing = new List<string>();
        async Task Needs<T>(ResourceType<T> type) where T : KubeObject
        {
            if (!await PlaneChecks.ServesAsync(client, type, cancellation))
                missing.Add($"{type} ({type.Version})");
        }
        await Needs(ResourceTypes.Locations);
        await Needs(ResourceTypes.Networks);
        await Needs(ResourceTypes.NetworkContexts);
        await Needs(ResourceTypes.Subnets);
        await Needs(ResourceTypes.WorkloadDeployments);
        await Needs(ResourceTypes.Instances);
        if (missing.Count > 0)
            return $"It doesn't serve {string.Join(", ", missing)}.";
        foreach (var api in new[] { ResourceTypes.Networks.ApiVersion, ResourceTypes.Instances.ApiVersion })
        {
            var later = Later(await raw.RawAsync(HttpMethod.Get, $"/apis/{api}", null, null, cancellation));
            if (later.Count > 0)
                return $"It serves {string.Join(", ", later)} of {api}, which this host doesn't handle.";
        }
        return null;
    }

    private static List<string> Later(byte[] discovery)
    {
        try
        {
            using var document = JsonDocument.Parse(discovery);
            return [.. document.RootElement.GetProperty("resources").EnumerateArray().Select(r => r.GetProperty("name").GetString() ?? "").Where(s_later.Contains)];
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new HttpRequestException(HttpRequestError.InvalidResponse, "The control plane's list of kinds can't be read.", e);
        }
    }
}
