using Datum.Providers.ControlPlane;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.Host.Cli.Trace;

/// <summary>Networks, bindings, contexts, claims and subnets.</summary>
internal sealed partial class TreeBuilder
{
    private TraceNode BindingNode(NetworkBinding binding) => Once(
        Judge.Object("NetworkBinding", binding, binding.Status?.Conditions, _plane.Now, ConditionTypes.Ready), node =>
        {
            if (MissingNetwork(Names.NetworkOf(binding)) is { } missing)
                Link(node.Needs, missing);
            var key = binding.Status?.NetworkContextRef is { } reference ? new ObjectKey(reference.Namespace, reference.Name) : Names.ContextOf(binding);
            if (_plane.Contexts.Find(c => c.Key == key) is { } context)
                Link(node.Needs, ContextNode(context));
        });

    /// <param name="whole">With its contexts: where the Network is the top; elsewhere they lead to it.</param>
    private TraceNode NetworkNode(Network network, bool whole) => Once(
        // Not every plane writes conditions on Networks.
        Judge.Object("Network", network, network.Status?.Conditions, _plane.Now, Conditions.Find(network.Status?.Conditions, ConditionTypes.Ready) is null ? [] : [ConditionTypes.Ready]), node =>
        {
            Owner(node);
            node.Fact("network", node.Key);
            node.Detail($"families {string.Join(", ", Names.Families(network))}");
            if (whole)
                foreach (var context in _plane.Contexts.Where(c => c.Metadata.Namespace == network.Metadata.Namespace && c.Spec.Network.Name == network.Metadata.Name))
                    Link(node.Children, ContextNode(context));
            Entries(node, network.Metadata.Uid, null);
            if (whole && node.Mark == Mark.Ok && node.Condition is null && node.Children.Exists(c => c.Mark != Mark.Ok))
                (node.Mark, node.Reason, node.Message) = (Mark.Waiting, Reasons.NetworkContextNotReady, "not everything of it is ready");
        });

    /// <summary>A node for a Network that is named and isn't there; null where it is, or where nobody looked.</summary>
    private TraceNode? MissingNetwork(ObjectKey key) =>
        !_plane.Knows(ResourceTypes.Networks.ToString()) || !_plane.NetworksListed.Contains(key.Namespace ?? "") || _plane.Networks.Exists(n => n.Key == key)
            ? null
            : Once(Judge.Missing("Network", key, Reasons.NetworkNotFound, $"There is no Network {key}."), _ => { });

    private TraceNode ContextNode(NetworkContext context) => Once(
        Judge.Object("NetworkContext", context, context.Status?.Conditions, _plane.Now, ConditionTypes.Ready), node =>
        {
            Owner(node);
            var key = new ObjectKey(context.Metadata.Namespace, context.Spec.Network.Name);
            node.Fact("network", $"Network {key}");
            // Ready only says that it isn't programmed; the reason is in Programmed.
            if (!node.Deleting && node.Reason is Reasons.NotProgrammed && Conditions.Find(context.Status?.Conditions, ConditionTypes.Programmed) is { Status: not ConditionStatus.True } programmed)
                Judge.Tell(node, programmed);
            if (_plane.Networks.Find(n => n.Key == key) is { } network)
                Link(node.Needs, NetworkNode(network, whole: false));
            else if (MissingNetwork(key) is { } missing)
                Link(node.Needs, missing);
            Link(node.Needs, LocationNode(context.Spec.Location, context.Metadata.Namespace));
            foreach (var claim in _plane.Claims.Where(c => c.Metadata.Namespace == context.Metadata.Namespace && c.Spec.NetworkContext.Name == context.Metadata.Name))
                Link(node.Children, ClaimNode(claim));
            foreach (var subnet in _plane.Subnets.Where(s => s.Metadata.Namespace == context.Metadata.Namespace && s.Spec.NetworkContext.Name == context.Metadata.Name
                && !node.Children.Exists(c => c.Children.Exists(n => n.Name == s.Metadata.Name))))
                Link(node.Children, SubnetNode(subnet));
            Entries(node, context.Metadata.Uid, null);
        });

    private TraceNode ClaimNode(SubnetClaim claim) => Once(
        Judge.Object("SubnetClaim", claim, claim.Status?.Conditions, _plane.Now, ConditionTypes.Ready), node =>
        {
            // Its Subnet has the claim's name until the status says so.
            var name = claim.Status?.SubnetRef?.Name is { Length: > 0 } named ? named : claim.Metadata.Name;
            if (_plane.Subnets.Find(s => s.Metadata.Namespace == claim.Metadata.Namespace && s.Metadata.Name == name) is { } subnet)
                Link(node.Children, SubnetNode(subnet));
        });

    private TraceNode SubnetNode(Subnet subnet) => Once(
        Judge.Object("Subnet", subnet, subnet.Status?.Conditions, _plane.Now, ConditionTypes.Allocated, ConditionTypes.Ready), node =>
        {
            Owner(node);
            if (subnet.Status is { StartAddress: { Length: > 0 } start, PrefixLength: > 0 and var length })
                node.Detail($"range {start}/{length}");
            Entries(node, subnet.Metadata.Uid, null);
        });
}
