using System.Reflection.Emit;
using Datum.Providers.Drivers.Simulator;

namespace Datum.Providers.Conformance.Tests.Mutants;

/// <summary>One fault that is put into the Simulator's driver, and the case that has to see it.</summary>
internal sealed record Mutant
{
    /// <summary>What the driver does wrong, as a sentence about it without its subject.</summary>
    public required string Name { get; init; }

    /// <summary>The rule that it breaks.</summary>
    public required string Rule { get; init; }

    /// <summary>Number of the case that catches it.</summary>
    public required int Case { get; init; }

    /// <summary>A piece of the message: the case fails for this reason and no other.</summary>
    public required string Says { get; init; }

    /// <summary>The kind that the case is run for; Unknown for a case that isn't about kinds.</summary>
    public ResourceKind Kind { get; init; }

    /// <summary>How the platform behaves, for the faulty driver and the clean one.</summary>
    public SimulatorKnobs Knobs { get; init; } = new();

    /// <summary>How long a verb of the faulty driver may hang.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Changes the descriptor.</summary>
    public Func<DriverDescriptor, DriverDescriptor>? Describe { get; init; }

    /// <summary>Changes how a session is opened.</summary>
    public Func<IDriverHost, Func<ValueTask<IInfrastructureDriver>>, ValueTask<IInfrastructureDriver>>? Connect { get; init; }

    /// <summary>Called once for each session: what is changed in it. State of one session lives in the closure.</summary>
    public Func<MutantContext, Seed>? Session { get; init; }

    /// <summary>Writes the fault into the code of an assembly of its own (<see cref="EmittedDriver"/>); nothing else of the mutant is used then.</summary>
    public Action<TypeBuilder, ILGenerator>? Code { get; init; }

    /// <summary>The code runs in the factory's constructor, and the driver is loaded from its folder.</summary>
    public bool Packed { get; init; }

    public override string ToString() => Name;
}

/// <summary>What a seed may use.</summary>
internal sealed class MutantContext(IDriverHost host)
{
    public IDriverHost Host => host;

    /// <summary>The clean session; set once it is open.</summary>
    public IInfrastructureDriver Driver { get; set; } = null!;
}

/// <summary>What is changed in one session; null members leave the driver as it is.</summary>
internal sealed record Seed
{
    public Seams<NetworkSpec, NetworkFacts> Networks { get; init; } = new();
    public Seams<SubnetSpec, SubnetFacts> Subnets { get; init; } = new();
    public Seams<DiskSpec, DiskFacts> Disks { get; init; } = new();
    public Seams<SecretSpec, SecretFacts> Secrets { get; init; } = new();
    public Seams<InstanceSpec, InstanceFacts> Instances { get; init; } = new();

    /// <summary>Secrets are described, but the session has no verbs for them.</summary>
    public bool WithoutSecrets { get; init; }

    /// <summary>The session implements no ability.</summary>
    public bool WithoutAbilities { get; init; }

    public Func<Call, ValueTask<Answer<AccountFacts>>>? Probe { get; init; }
    public Func<ValueTask>? Dispose { get; init; }

    /// <summary>Between the driver and the host's handler.</summary>
    public Func<HttpRequestMessage, Func<HttpRequestMessage, Task<HttpResponseMessage>>, Task<HttpResponseMessage>>? Wire { get; init; }

    public Func<Operation, Identity, PowerAction, ValueTask<Outcome<InstanceFacts>>>? Power { get; init; }
    public Func<Call, Identity, ConsoleQuery, ValueTask<Answer<ConsoleText>>>? Console { get; init; }
    public Func<Call, CatalogQuery, string?, ValueTask<Answer<CatalogPage<PlatformImage>>>>? Images { get; init; }
    public Func<Call, ValueTask<Answer<QuotaReport>>>? Quotas { get; init; }
    public Func<Call, ListQuery, string?, ValueTask<Answer<UsagePage>>>? Usage { get; init; }
    public Func<Call, IAsyncEnumerable<Change>>? Feed { get; init; }
}

/// <summary>What is changed in the verbs of one kind.</summary>
internal sealed record Seams<TSpec, TFacts> where TSpec : ResourceSpec where TFacts : ResourceFacts
{
    /// <summary>Changes the identity in every verb.</summary>
    public Func<Identity, Identity> Id { get; init; } = id => id;

    /// <summary>Changes findings.</summary>
    public Func<ImmutableArray<Finding>, TSpec, ImmutableArray<Finding>> Findings { get; init; } = (found, _) => found;

    /// <summary>Changes what a look found.</summary>
    public Func<Observation<TFacts>, Identity, TSpec?, Observation<TFacts>> Seen { get; init; } = (seen, _, _) => seen;

    /// <summary>Changes what a create says.</summary>
    public Func<Outcome<TFacts>, Outcome<TFacts>> Made { get; init; } = made => made;

    /// <summary>Changes a page.</summary>
    public Func<ListPage<TFacts>, ListPage<TFacts>> Page { get; init; } = page => page;

    public Func<IResourceDriver<TSpec, TFacts>, Call, TSpec, ValueTask<ImmutableArray<Finding>>>? Validate { get; init; }
    public Func<IResourceDriver<TSpec, TFacts>, Call, Identity, TSpec?, Handle?, ValueTask<Answer<Observation<TFacts>>>>? Observe { get; init; }
    public Func<IResourceDriver<TSpec, TFacts>, Operation, Identity, TSpec, ValueTask<Outcome<TFacts>>>? Create { get; init; }
    public Func<IResourceDriver<TSpec, TFacts>, Operation, Identity, TSpec, ValueTask<Outcome<TFacts>>>? Update { get; init; }
    public Func<IResourceDriver<TSpec, TFacts>, Operation, Identity, ValueTask<Outcome<TFacts>>>? Delete { get; init; }
    public Func<IResourceDriver<TSpec, TFacts>, Call, ListQuery, string?, ValueTask<Answer<ListPage<TFacts>>>>? List { get; init; }
    public Func<IAdoption<TFacts>, Operation, Identity, string, ValueTask<Outcome<TFacts>>>? Adopt { get; init; }
    public Func<IAdoption<TFacts>, Operation, Identity, ValueTask<Outcome<TFacts>>>? Release { get; init; }
}
