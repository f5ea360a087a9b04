using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;

namespace Datum.Providers.Host.Composition;

/// <summary>What must be so of the API server before the host begins: each fault ends the start with what to do.</summary>
internal static class PlaneChecks
{
    private delegate Task<bool> IsServed(IKubernetesClient client, CancellationToken cancellation);

    /// <summary>Without these nothing can be decided; a Location of the compute group is read where it is served.</summary>
    private static readonly (string Name, IsServed Ask)[] Needed =
    [
        Kind(ResourceTypes.ManagedResources), Kind(ResourceTypes.ProviderConfigs), Kind(ResourceTypes.ProviderDrivers),
        Kind(ResourceTypes.Networks), Kind(ResourceTypes.NetworkContexts), Kind(ResourceTypes.Subnets), Kind(ResourceTypes.WorkloadDeployments), Kind(ResourceTypes.Instances),
    ];

    /// <summary>What the home plane must have where the Datum kinds are elsewhere.</summary>
    private static readonly (string Name, IsServed Ask)[] NeededAtHome = Needed[..3];

    /// <summary>The plane's id, the UID of its kube-system namespace.</summary>
    /// <exception cref="HostStartException">The server doesn't answer, refuses, or lacks the namespace.</exception>
    public static async Task<string> IdentityAsync(IKubernetesClient client, CancellationToken cancellation)
    {
        try
        {
            return (await client.FindAsync(Core.Namespaces, new ObjectKey(null, "kube-system"), cancellation))?.Metadata.Uid
                ?? throw new HostStartException("The API server has no namespace kube-system, whose UID names the plane in every ledger entry. Create it: kubectl create namespace kube-system.");
        }
        catch (HttpRequestException e)
        {
            throw new HostStartException($"The API server doesn't answer: {e.Message} Start it, or correct clusters[].cluster of the kubeconfig, then start the host again.", e);
        }
        catch (KubernetesException e) when (e.Code == 401)
        {
            throw new HostStartException($"The API server doesn't accept the credentials of the kubeconfig's user ({e.Message}). Renew them, then start the host again.", e);
        }
        catch (KubernetesException e) when (e.Code == 403)
        {
            throw new HostStartException($"The kubeconfig's user may not get the namespace kube-system, whose UID names the plane. Grant it get on namespaces ({e.Message}).", e);
        }
    }

    /// <summary>Namespace and kinds. A right that is missing is told by <see cref="PlaneClient"/> and doesn't end the start: it may be granted any time.</summary>
    /// <exception cref="HostStartException">Something isn't there.</exception>
    /// <param name="shape">Null: the Datum kinds are elsewhere.</param>
    public static async Task RequireAsync(IKubernetesClient client, string ns, PlaneShape? shape, CancellationToken cancellation)
    {
        if (await UnlessForbidden(async () => await client.FindAsync(Core.Namespaces, new ObjectKey(null, ns), cancellation) is not null) == false)
            throw new HostStartException($"Namespace {ns}, which holds credentials and the lease, doesn't exist. Create it (kubectl create namespace {ns}), or name another one by --namespace.");
        var missing = new List<string>();
        foreach (var (name, ask) in shape is null ? NeededAtHome : [Kind(shape.Locations), .. Needed])
            if (!await ask(client, cancellation))
                missing.Add(name);
        if (missing.Count > 0)
            throw new HostStartException($"The API server doesn't serve {string.Join(", ", missing)}. Install the kinds: start with --install-crds, or datum-providers crds | kubectl apply -f -.");
    }

    /// <summary>Whether Datum's own controllers are this host's on a plane: where it installed the Workload definition, or where a person says so.</summary>
    /// <exception cref="HostStartException">The definition may not be read.</exception>
    public static async Task<bool> RunsCoreAsync(IKubernetesClient client, CoreUse use, CancellationToken cancellation)
    {
        if (use is not CoreUse.Auto)
            return use is CoreUse.Always;
        try
        {
            var crd = await client.FindAsync(Core.CustomResourceDefinitions, new ObjectKey(null, "workloads.compute.datumapis.com"), cancellation);
            return crd?.Metadata.Label(Labels.Installed) == "true";
        }
        catch (KubernetesException e) when (e.Code == 403)
        {
            // To guess could start a second core, or stop the only one.
            throw new HostStartException($"The kubeconfig's user may not get customresourcedefinitions, which tell whether the core controllers run here. Grant it get on customresourcedefinitions.apiextensions.k8s.io ({e.Message}).", e);
        }
    }

    /// <summary>Whether the server serves a kind; true also where only the right to list it is missing.</summary>
    public static async Task<bool> ServesAsync<T>(IKubernetesClient client, ResourceType<T> type, CancellationToken cancellation) where T : KubeObject
    {
        try
        {
            return await UnlessForbidden(async () =>
            {
                await client.ListAsync(type, new ListOptions { Limit = 1 }, cancellation);
                return true;
            }) != false;
        }
        catch (KubernetesException e) when (e.IsNotFound)
        {
            return false;
        }
    }

    private static (string, IsServed) Kind<T>(ResourceType<T> type) where T : KubeObject =>
        ($"{type} ({type.Version})", (client, cancellation) => ServesAsync(client, type, cancellation));

    private static async Task<bool?> UnlessForbidden(Func<Task<bool>> ask)
    {
        try
        {
            return await ask();
        }
        catch (KubernetesException e) when (e.Code == 403)
        {
            return null;
        }
    }
}
