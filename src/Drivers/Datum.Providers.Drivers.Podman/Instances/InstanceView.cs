using Datum.Providers.Drivers.Podman.Firewall;
using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Instances;

/// <summary>Everything that one look found of an instance.</summary>
internal sealed record InstanceView
{
    /// <summary>Null when there is no pod.</summary>
    public PodInspect? Pod { get; init; }

    public MarkState Mark { get; init; }

    public long Incarnation { get; init; }

    /// <summary>Null for a pod that was cut off while it was made.</summary>
    public ContainerInspect? Infra { get; init; }

    /// <summary>Our containers by the name that the spec gives them.</summary>
    public ImmutableDictionary<string, ContainerInspect> Containers { get; init; } = ImmutableDictionary<string, ContainerInspect>.Empty;

    /// <summary>Names of containers in our pod that aren't ours, and of copies of ours.</summary>
    public ImmutableArray<string> Strangers { get; init; } = [];

    /// <summary>The packet filter; null where it wasn't or couldn't be read.</summary>
    public LoadedTable? Firewall { get; init; }

    public bool InfraRuns => Infra?.State.Running == true;

    public string? NetworkNamespace => InfraRuns && Infra?.Network?.SandboxKey is { Length: > 0 } path ? path : null;

    public IEnumerable<ContainerInspect> Running => Containers.Values.Where(c => c.State.Running);

    public ImmutableArray<Part> Parts =>
        Pod is null ? []
        : [new Part { Name = InstanceParts.Pod, Id = Pod.Id },
           .. Containers.OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => new Part { Name = InstanceParts.Container(c.Key), Id = c.Value.Id })];

    /// <summary>Whether the rules stand; null when none are wished for and none are there.</summary>
    public bool? PolicyStands(ImmutableArray<IngressRule>? ingress) => (ingress, Firewall) switch
    {
        (null, { Exists: true }) => false,
        (null, _) => null,
        ({ } rules, { } loaded) => NftRuleset.From(rules).Matches(loaded),
        _ => false,
    };
}

/// <summary>Reads pod, containers and packet filter: one request for the pod and one for each container in it.</summary>
internal static class InstanceReader
{
    public static async ValueTask<Answer<InstanceView>> ReadAsync(Session session, Call call, Identity id, bool withFirewall)
    {
        var found = await session.Podman.PodAsync(call, id.PartId(InstanceParts.Pod) ?? PodmanNames.For(id));
        if (found.Error is { } error)
            return error;
        if (found.Value is not { } pod)
            return new InstanceView();
        var mark = Marks.Parse(pod.Labels ?? []);
        var view = new InstanceView { Pod = pod, Mark = Marks.Compare(id, mark), Incarnation = mark?.Incarnation ?? 0 };
        if (view.Mark != MarkState.Ours)
            return view;

        var containers = ImmutableDictionary.CreateBuilder<string, ContainerInspect>(StringComparer.Ordinal);
        var strangers = ImmutableArray.CreateBuilder<string>();
        foreach (var member in pod.Containers ?? [])
        {
            var inspected = await session.Podman.ContainerAsync(call, member.Id);
            if (inspected.Error is { } memberError)
                return memberError;
            // Gone since the pod was read.
            if (inspected.Value is not { } container)
                continue;
            if (container.Id == pod.InfraId)
                view = view with { Infra = container };
            else if (NameOf(id, container) is not { } name)
                strangers.Add(container.Name);
            else if (!containers.TryGetValue(name, out var other))
                containers[name] = container;
            else
            {
                // A copy that somebody put beside it.
                var (own, copy) = IsOwn(id, name, container) ? (container, other) : (other, container);
                containers[name] = own;
                strangers.Add(copy.Name);
            }
        }

        view = view with { Containers = containers.ToImmutable(), Strangers = strangers.ToImmutable() };
        if (!withFirewall || view.NetworkNamespace is not { } netns || session.Firewall.Unavailable is not null)
            return view;
        var loaded = await session.Firewall.ReadAsync(netns, call.Cancellation);
        // The namespace may vanish between the two looks; then it holds no rules.
        if (loaded.Error is { Code: not ErrorCode.NotReadyYet } firewallError)
            return firewallError;
        return view with { Firewall = loaded.Value ?? LoadedTable.None };
    }

    /// <summary>The recorded one; while none is recorded, the one of our choice of name.</summary>
    private static bool IsOwn(Identity id, string name, ContainerInspect container) =>
        id.PartId(InstanceParts.Container(name)) is { } recorded ? container.Id == recorded : container.Name == InstanceBodies.ContainerName(id, name);

    private static string? NameOf(Identity id, ContainerInspect container)
    {
        var labels = container.Config?.Labels ?? [];
        return labels.TryGetValue(InstanceParts.ContainerLabel, out var name)
            && Marks.Compare(id, Marks.Parse(labels), InstanceParts.Container(name)) == MarkState.Ours ? name : null;
    }
}
