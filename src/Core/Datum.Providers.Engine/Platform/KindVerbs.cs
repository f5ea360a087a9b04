using System.Runtime.CompilerServices;

namespace Datum.Providers.Engine.Platform;

/// <summary>Finds the recorded parts of another entry by its name.</summary>
public delegate ImmutableArray<Part> PartsOf(string entryName);

/// <summary>The verbs of one kind in one session, with the kind erased.</summary>
public abstract class KindVerbs
{
    public abstract ResourceKind Kind { get; }

    public abstract ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, JsonElement desired, PartsOf parts);

    /// <summary>With <paramref name="desired"/> null only existence matters.</summary>
    public abstract ValueTask<Answer<Look>> ObserveAsync(Call call, Identity id, JsonElement? desired, Handle? handle, PartsOf parts);

    /// <summary>Does the operation's step by the verb that it names.</summary>
    public abstract ValueTask<StepResult> ApplyAsync(Operation operation, Identity id, JsonElement? desired, PartsOf parts);

    /// <summary>The ability to adopt; null where the driver lacks it for this kind.</summary>
    public virtual Policies.AdoptionVerbs? Adoption => null;

    public abstract ValueTask<Answer<ListedPage>> ListAsync(Call call, ListQuery query, string? cursor);

    /// <summary>The verbs of <paramref name="kind"/>, or null when the driver doesn't have it.</summary>
    public static KindVerbs? Of(IInfrastructureDriver driver, ResourceKind kind) => kind switch
    {
        ResourceKind.Network => Make(kind, driver.Networks, static (s, _) => s),
        ResourceKind.Subnet => Make(kind, driver.Subnets, static (s, p) => s with { Network = Fill(s.Network, p) }),
        ResourceKind.Firewall => Make(kind, driver.Firewalls, static (s, p) => s with { Network = Fill(s.Network, p) }),
        ResourceKind.Address => Make(kind, driver.Addresses, static (s, _) => s),
        ResourceKind.Disk => Make(kind, driver.Disks, static (s, _) => s),
        ResourceKind.Secret => Make(kind, driver.Secrets, static (s, _) => s),
        ResourceKind.Instance => Make(kind, driver.Instances, FillInstance),
        _ => null,
    };

    private static KindVerbs<TSpec, TFacts>? Make<TSpec, TFacts>(ResourceKind kind, IResourceDriver<TSpec, TFacts>? verbs, Func<TSpec, PartsOf, TSpec> fill)
        where TSpec : ResourceSpec where TFacts : ResourceFacts =>
        verbs is null ? null : new KindVerbs<TSpec, TFacts>(kind, verbs, fill);

    private static Reference Fill(Reference reference, PartsOf parts) => reference with { Parts = parts(reference.Name) };

    private static InstanceSpec FillInstance(InstanceSpec spec, PartsOf parts) => spec with
    {
        Interfaces = [.. spec.Interfaces.Select(i => i with
        {
            Network = i.Network is null ? null : Fill(i.Network, parts),
            Subnets = [.. i.Subnets.Select(s => Fill(s, parts))],
            Firewalls = [.. i.Firewalls.Select(f => Fill(f, parts))],
        })],
        Volumes = [.. spec.Volumes.Select(v => v.Disk?.Disk is null ? v : v with { Disk = v.Disk with { Disk = Fill(v.Disk.Disk, parts) } })],
    };
}

/// <summary>The verbs of one kind.</summary>
internal sealed class KindVerbs<TSpec, TFacts>(ResourceKind kind, IResourceDriver<TSpec, TFacts> verbs, Func<TSpec, PartsOf, TSpec> fill) : KindVerbs
    where TSpec : ResourceSpec where TFacts : ResourceFacts
{
    public override ResourceKind Kind => kind;

    public override Policies.AdoptionVerbs? Adoption { get; } = Policies.AdoptionVerbs.Of(verbs);

    public override ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, JsonElement desired, PartsOf parts) =>
        verbs.ValidateAsync(call, Spec(desired, parts));

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<Answer<Look>> ObserveAsync(Call call, Identity id, JsonElement? desired, Handle? handle, PartsOf parts)
    {
        var answer = await verbs.ObserveAsync(call, id, desired is null ? null : Spec(desired.Value, parts), handle).ConfigureAwait(false);
        return answer.Error is null ? Look.Of(answer.Value!) : answer.Error;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<StepResult> ApplyAsync(Operation operation, Identity id, JsonElement? desired, PartsOf parts)
    {
        var outcome = operation.Step.Verb switch
        {
            StepVerb.Create => await verbs.CreateAsync(operation, id, Spec(Needed(desired), parts)).ConfigureAwait(false),
            StepVerb.Update => await verbs.UpdateAsync(operation, id, Spec(Needed(desired), parts)).ConfigureAwait(false),
            StepVerb.Delete => await verbs.DeleteAsync(operation, id).ConfigureAwait(false),
            _ => throw new InvalidOperationException($"Step '{operation.Step.Part}' names no verb."),
        };
        return StepResult.Of(outcome);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<Answer<ListedPage>> ListAsync(Call call, ListQuery query, string? cursor)
    {
        var answer = await verbs.ListAsync(call, query, cursor).ConfigureAwait(false);
        if (answer.Error is { } error)
            return error;
        var page = answer.Value!;
        return new ListedPage([.. page.Items.Select(Erase)], page.Next, page.Complete);
    }

    private static ListedObject Erase(Listed<TFacts> item) => new()
    {
        Name = item.Name,
        Incarnation = item.Incarnation,
        Parts = item.Parts,
        State = item.State,
        CreatedAt = item.CreatedAt,
        Fingerprint = $"{item.Incarnation}/{item.State}/{item.Parts.FirstOrDefault()?.Id}/"
            + (item.Revision ?? (item.Facts is null ? "" : CanonicalJson.Digest(ContractJson.Write(item.Facts)))),
    };

    private TSpec Spec(JsonElement desired, PartsOf parts) => fill(ContractJson.Read<TSpec>(desired), parts);

    private static JsonElement Needed(JsonElement? desired) => desired ?? throw new InvalidOperationException("A create or update step needs a desired state.");
}
