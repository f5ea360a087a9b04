using System.Security.Cryptography;
using System.Text;
using Datum.Providers.Resources;

namespace Datum.Providers.Engine.Collect;

/// <summary>One account of one driver. Listings, absence and pauses are counted by it, however many configs and sessions reach it.</summary>
public readonly record struct AccountKey(string Driver, string AccountId)
{
    public override string ToString() => $"{Driver}/{AccountId}";
}

/// <summary>Something that law L15 stops until a person confirms.</summary>
public sealed record AccountHold
{
    /// <summary><see cref="Reasons.MassAbsence"/>, <see cref="Reasons.AccountChanged"/> or <see cref="Reasons.BlastRadius"/>.</summary>
    public required string Reason { get; init; }

    public required AccountKey Account { get; init; }

    /// <summary>What a person confirms with: 12 hex digits that name exactly this hold.</summary>
    public required string Token { get; init; }

    public required DateTimeOffset Since { get; init; }
    public required string Message { get; init; }

    /// <summary>How many entries it was counted on.</summary>
    public int Count { get; init; }

    /// <summary>The first of them, ordered.</summary>
    public ImmutableArray<string> Entries { get => field.IsDefault ? [] : field; init; }

    /// <summary>Null while it holds.</summary>
    public DateTimeOffset? ConfirmedAt { get; init; }

    /// <summary>Names in an object's status at most.</summary>
    public const int MaxNames = 20;

    /// <summary>How to let it go, for messages.</summary>
    public static string HowTo(string token) => $"When you are certain: datum-providers confirm {token}, or the annotation {Annotations.Confirm}: {token} on the ProviderConfig.";

    public static string TokenOf(params ReadOnlySpan<string> parts) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', parts!))).AsSpan(0, 6));

    /// <summary>More than this many is too many: 3, or a share of what there is.</summary>
    public static bool IsMass(int count, Func<int> objects, double share) => count > Least && count > objects() * share;

    private const int Least = 3;
}
