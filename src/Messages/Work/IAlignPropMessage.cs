namespace AlignProp.Messages;

/// <summary>Marks everything that may travel or be journaled; binds it to <see cref="AlignPropSerializer"/>.</summary>
public interface IAlignPropMessage;
