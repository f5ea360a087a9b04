using Datum.Providers.Host.Composition;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;

namespace Datum.Providers.Host.Projects;

/// <summary>Whether this host can work on a project's plane: reads only, and nothing else is done there before it says yes.</summary>
internal static class PlaneSupport
{
    /// <summary>Null when it is supported; else why not.</summary>
    /// <exception cref="HttpRequestException">It doesn't answer.</exception>
    /// <exception cref="KubernetesException">It refuses.</exception>
    public static async Task<string?> WhyNotAsync(IKubernetesClient client, PlaneShape shape, CancellationToken cancellation)
    {
        var missing = new List<string>();
        async Task Needs<T>(ResourceType<T> type) where T : KubeObject
        {
            if (!await PlaneChecks.ServesAsync(client, type, cancellation))
                missing.Add($"{type} ({type.Version})");
        }
        await Needs(shape.Locations);
        await Needs(ResourceTypes.Networks);
        await Needs(ResourceTypes.NetworkContexts);
        await Needs(ResourceTypes.Subnets);
        await Needs(ResourceTypes.WorkloadDeployments);
        await Needs(ResourceTypes.Instances);
        if (missing.Count > 0)
            return $"It doesn't serve {string.Join(", ", missing)}.";
        // Whoever installed these expects providers to handle them.
        return shape.Beyond.Count > 0 ? $"It serves {string.Join(", ", shape.Beyond)}, which this host doesn't handle." : null;
    }
}
